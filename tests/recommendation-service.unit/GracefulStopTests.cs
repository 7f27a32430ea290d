using System.Net;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace RecommendationService.UnitTests;

public sealed class GracefulStopTests
{
    [Fact]
    public async Task Stop_RequestInFlight_IsStillAnswered()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        TaskCompletionSource arrived = new(), answer = new();
        await using WebApplication app = Api.Build(["--urls", $"http://{IPAddress.Loopback}:0"]);
        app.MapGet("/slow/answer", async () =>
        {
            arrived.SetResult();
            await answer.Task;
            return "done";
        });
        await app.StartAsync(ct);
        using HttpClient http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(app.Urls.Single()) };

        Task<string> inFlight = http.GetStringAsync(new Uri("slow/answer", UriKind.Relative), ct);
        await arrived.Task.WaitAsync(ct);
        Task stopped = app.StopAsync(ct);
        Assert.True(app.Lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.False(stopped.IsCompleted);

        answer.SetResult();
        Assert.Equal("done", await inFlight);
        await stopped;
    }
}
