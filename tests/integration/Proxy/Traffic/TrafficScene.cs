using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>A proxy, and one service on a real Consul with backends that were put into it.</summary>
internal sealed class TrafficScene : IAsyncDisposable
{
    private readonly Dictionary<string, Backend> backends = new(StringComparer.Ordinal);
    private readonly ConsulFixture consul;
    private readonly AsyncDisposables started;

    private TrafficScene(ConsulFixture consul, RunningProxy proxy, ServiceOnConsul service, AsyncDisposables started) =>
        (this.consul, Proxy, Service, this.started) = (consul, proxy, service, started);

    public RunningProxy Proxy { get; }

    public ServiceOnConsul Service { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A deployment for each name; the first is active.</summary>
    public static Task<TrafficScene> StartAsync(ConsulFixture consul, params string[] names) => StartAsync(consul, together: null, names);

    /// <summary>One active deployment with an instance for each name.</summary>
    public static Task<TrafficScene> StartTogetherAsync(ConsulFixture consul, params string[] names) => StartAsync(consul, together: "all", names);

    public Backend Backend(string deployment) => backends[deployment];

    public async Task AddAsync(string name, string? deployment = null)
    {
        backends[name] = started.Add(await Integration.Proxy.Backend.StartAsync(name));
        await Service.AddInstanceAsync(name, backends[name].Port, deployment: deployment);
    }

    /// <summary>Changes the document, and returns when the proxy has applied it.</summary>
    public async Task ChangeAsync(Func<ServiceDocument, ServiceDocument> change) => await AppliedAsync(await Service.ChangeAsync(change));

    public Task<HttpResponseMessage> GetAsync(string path = "/", params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Get, path, content: null, headers);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, $"/{Service.Name}{path}") { Content = content };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await Proxy.Http.SendAsync(request, Ct);
    }

    /// <summary>The header with a pass to the deployment's instances, once the proxy takes it.</summary>
    public async Task<(string Name, string Value)> PassAsync(string deployment)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        var store = new MeshStore(consul.Client, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));
        await store.PublishSignerAsync(Service.Name, key, now, Ct);
        var pass = (CandidatePass.Header, CandidatePass.Sign(key, Service.Name, deployment, now.AddMinutes(5)));
        // The proxy learns of the key by a watch of its own.
        await Until.TrueAsync(async () =>
        {
            using var answer = await GetAsync("/", pass);
            return answer.StatusCode == HttpStatusCode.OK;
        });
        return pass;
    }

    /// <summary>Which backend answers.</summary>
    public async Task<string> WhoAsync(params (string Name, string Value)[] headers)
    {
        using var answer = await GetAsync("/", headers);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadAsStringAsync(Ct)).Split(' ')[0];
    }

    // The backends, which are started last, come first: a request that they hold would hold the proxy's stop.
    public ValueTask DisposeAsync() => started.DisposeAsync();

    public static Release Release(string deployment) => new(deployment, deployment, "image@sha256:0", DateTimeOffset.UnixEpoch);

    private static Task<TrafficScene> StartAsync(ConsulFixture consul, string? together, string[] names)
    {
        var begun = new AsyncDisposables();
        return begun.StartAsync(async () =>
        {
            var scene = new TrafficScene(consul, begun.Add(await RunningProxy.StartAsync(consul.Address)), new ServiceOnConsul(consul.Client), begun);
            foreach (var name in names)
                await scene.AddAsync(name, together);
            await scene.AppliedAsync(await scene.Service.PromoteAsync(together ?? names[0]));
            await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").GetArrayLength() == names.Length);
            return scene;
        });
    }

    private Task AppliedAsync(ulong index) =>
        Proxy.UntilAsync(Service.Name, account => account.GetProperty("index").GetUInt64() >= index);
}
