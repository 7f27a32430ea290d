using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ServiceMesh.Tests.Integration.ConsulApi;

/// <summary>Answers as a real Consul cannot be made to.</summary>
internal sealed class StubConsul : IAsyncDisposable
{
    private readonly WebApplication _app;

    private StubConsul(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    public static async Task<StubConsul> Start(RequestDelegate answer, CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(answer);
        await app.StartAsync(ct);
        return new StubConsul(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
