using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Admin;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

/// <summary>The proxy itself, listening on a free port.</summary>
internal sealed class RunningProxy : IAsyncDisposable
{
    private readonly WebApplication app;

    private RunningProxy(WebApplication app)
    {
        this.app = app;
        Admin.BaseAddress = app.Services.GetRequiredService<AdminServer>().Address;
    }

    /// <summary>Asks the admin port.</summary>
    public HttpClient Admin { get; } = new();

    // Each request is another client's: what a cookie does is a test's own matter.
    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseCookies = false });

    /// <summary>What it listens on: the traffic port, then, where asked for, HTTPS and HTTP/2 without TLS.</summary>
    public IReadOnlyList<int> Ports => [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address).Port)];

    public static async Task<RunningProxy> StartAsync(Uri consul, string? state = null, params IEnumerable<KeyValuePair<string, string?>> settings)
    {
        var folder = state ?? Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
        var started = ProxyApplication.Build(new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["Port"] = "0",
            ["Consul"] = consul.ToString(),
            ["State"] = folder,
            ["ConsulWait"] = "00:00:02",
        }.Concat(settings).ToDictionary(StringComparer.Ordinal));
        await started.StartAsync(TestContext.Current.CancellationToken);
        var proxy = new RunningProxy(started);
        proxy.Http.BaseAddress = new Uri($"http://127.0.0.1:{proxy.Ports[0]}");
        return proxy;
    }

    public async Task<JsonElement> ServiceAsync(string service) =>
        await Http.GetFromJsonAsync<JsonElement>($"/services/{service}", TestContext.Current.CancellationToken);

    /// <summary>Asks until the proxy's account of the service holds what is wanted.</summary>
    public Task UntilAsync(string service, Func<JsonElement, bool> wanted) => UntilToldAsync($"/services/{service}", wanted);

    /// <summary>Asks until the proxy's account of all services holds what is wanted.</summary>
    public Task UntilAllAsync(Func<JsonElement, bool> wanted) => UntilToldAsync("/services", wanted);

    /// <summary>Asks one request after the other until it is stopped; the answers' statuses.</summary>
    public async Task<List<HttpStatusCode>> LoadAsync(string path, CancellationToken stop, TimeSpan pause = default)
    {
        List<HttpStatusCode> answers = [];
        while (!stop.IsCancellationRequested)
        {
            using var answer = await Http.GetAsync(path, TestContext.Current.CancellationToken);
            answers.Add(answer.StatusCode);
            if (pause > TimeSpan.Zero)
                await Task.Delay(pause, TimeProvider.System, CancellationToken.None);
        }

        return answers;
    }

    /// <summary>Begins a stop; ends with the last answer.</summary>
    public Task StopAsync() => app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Admin.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private async Task UntilToldAsync(string path, Func<JsonElement, bool> wanted)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(20));
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
