using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Admin;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

/// <summary>The proxy itself, listening on a free port.</summary>
internal sealed class RunningProxy : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly WebApplication app;
    private readonly AsyncDisposables started;

    private RunningProxy(WebApplication app, AsyncDisposables started)
    {
        (this.app, this.started) = (app, started);
        Admin.BaseAddress = app.Services.GetRequiredService<AdminServer>().Address;
        Http.BaseAddress = new Uri($"http://127.0.0.1:{Ports[0]}");
        started.Add(Admin.Dispose);
        started.Add(Http.Dispose);
    }

    /// <summary>Asks the admin port.</summary>
    public HttpClient Admin { get; } = new();

    // Each request is another client's: what a cookie does is a test's own matter.
    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseCookies = false });

    /// <summary>What it listens on: the traffic port, then, where asked for, HTTPS and HTTP/2 without TLS.</summary>
    public IReadOnlyList<int> Ports => [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address).Port)];

    /// <param name="consul">The Consul that it follows.</param>
    /// <param name="state">Its folder; <c>null</c> for one that is gone with it.</param>
    /// <param name="settings">Further settings, by their names.</param>
    public static Task<RunningProxy> StartAsync(Uri consul, string? state = null, params IEnumerable<KeyValuePair<string, string?>> settings)
    {
        var begun = new AsyncDisposables();
        return begun.StartAsync(async () =>
        {
            var built = ProxyApplication.Build(new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["Port"] = "0",
                ["Consul"] = consul.ToString(),
                ["State"] = state ?? OwnFolder(begun),
                ["ConsulWait"] = "00:00:02",
            }.Concat(settings).ToDictionary(StringComparer.Ordinal));
            begun.Add(built);
            await built.StartAsync(TestContext.Current.CancellationToken);
            begun.Add(() => built.StopAsync());
            return new RunningProxy(built, begun);
        });
    }

    public async Task<JsonElement> ServiceAsync(string service) =>
        await Http.GetFromJsonAsync<JsonElement>($"/services/{service}", TestContext.Current.CancellationToken);

    /// <summary>Asks until the proxy's account of the service holds what is wanted; 20 s at the most, if nothing else is said.</summary>
    public Task UntilAsync(string service, Func<JsonElement, bool> wanted, TimeSpan? deadline = null) =>
        UntilToldAsync($"/services/{service}", wanted, deadline ?? Deadline);

    /// <summary>Asks until the proxy's account of all services holds what is wanted.</summary>
    public Task UntilAllAsync(Func<JsonElement, bool> wanted) => UntilToldAsync("/services", wanted, Deadline);

    /// <inheritdoc cref="RawLoad.AskOnAsync" />
    public Task<List<HttpStatusCode>> LoadAsync(string path, CancellationToken stop, TimeSpan pause = default) => RawLoad.AskOnAsync(Ports[0], path, stop, pause);

    /// <summary>Begins a stop; ends with the last answer.</summary>
    public Task StopAsync() => app.StopAsync();

    public ValueTask DisposeAsync() => started.DisposeAsync();

    private static string OwnFolder(AsyncDisposables started)
    {
        var folder = Directory.CreateTempSubdirectory("mesh-proxy-");
        started.Add(() => folder.Delete(recursive: true));
        return folder.FullName;
    }

    private async Task UntilToldAsync(string path, Func<JsonElement, bool> wanted, TimeSpan deadline)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(deadline);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (true)
        {
            using var answer = await Http.GetAsync(path, late.Token);
            var account = await answer.Content.ReadFromJsonAsync<JsonElement>(late.Token);
            if (answer.IsSuccessStatusCode && wanted(account))
                return;
            try
            {
                await timer.WaitForNextTickAsync(late.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"not in time; the proxy last said: {account}");
            }
        }
    }
}
