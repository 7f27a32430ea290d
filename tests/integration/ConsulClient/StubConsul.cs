using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ServiceMesh.Tests.Integration.ConsulApi;

/// <summary>Answers as a real Consul cannot be made to.</summary>
internal sealed class StubConsul : IAsyncDisposable
{
    private readonly WebApplication app;

    private StubConsul(WebApplication app) => this.app = app;

    public Uri Address => new(app.Urls.Single());

    public static async Task<StubConsul> Start(RequestDelegate answer, CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var stub = new StubConsul(builder.Build());
        stub.app.Run(answer);
        await stub.app.StartAsync(ct);
        return stub;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
