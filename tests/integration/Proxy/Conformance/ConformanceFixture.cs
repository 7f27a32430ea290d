using System.Net;
using System.Text.Json;
using ServiceMesh.Tests.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>A proxy, a backend of every protocol behind it, and a service for each of them.</summary>
public sealed class ConformanceFixture(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly string ca = Path.GetTempFileName();
    private readonly Dictionary<UpstreamProtocol, ServiceOnConsul> services = [];

    internal ProtocolBackend Backend { get; private set; } = null!;

    internal RunningProxy Proxy { get; private set; } = null!;

    /// <summary>The certificates of its TLS port.</summary>
    internal PemFiles Certificates { get; } = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(() => File.Delete(ca));
        started.Add(Certificates.Dispose);
        Certificates.Write("default", ["localhost"]);
        Backend = started.Add(await ProtocolBackend.StartAsync());
        await File.WriteAllTextAsync(ca, Backend.Certificate, Ct);
        Proxy = started.Add(await StartProxyAsync());
        foreach (var protocol in Enum.GetValues<UpstreamProtocol>())
            services[protocol] = await ServeAsync(protocol, route => route);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    /// <summary>Another proxy before the same Consul.</summary>
    internal Task<RunningProxy> StartProxyAsync(params IEnumerable<KeyValuePair<string, string?>> settings) =>
        RunningProxy.StartAsync(consul.Address, state: null, [new("H2cPort", "0"), new("HttpsPort", "0"), new("Certificates", Certificates.Folder), new("UpstreamCa", ca), .. settings]);

    /// <summary>A service whose one route leads to the backend by this protocol, in effect.</summary>
    internal async Task<ServiceOnConsul> ServeAsync(UpstreamProtocol protocol, Func<Route, Route> change, RunningProxy? proxy = null, int? port = null)
    {
        var service = new ServiceOnConsul(consul.Client) { RoutesOf = name => [change(new Route(null, $"/{name}", StripPath: true) { Upstream = protocol })] };
        await service.AddInstanceAsync("one", port ?? Backend.PortOf(protocol));
        var index = await service.PromoteAsync("one");
        await (proxy ?? Proxy).UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);
        return service;
    }

    /// <summary>The service that is reached by this protocol through a plain route.</summary>
    internal ServiceOnConsul ServiceOf(UpstreamProtocol protocol) => services[protocol];

    /// <summary>The proxy's address for a client of this version, or for one of either with TLS.</summary>
    internal Uri AddressFor(Version version, string scheme = "http") =>
        new($"{scheme}://127.0.0.1:{(scheme is "https" or "wss" ? Proxy.Ports[1] : version.Major == 1 ? Proxy.Ports[0] : Proxy.Ports[2])}");

    /// <summary>A request of exactly this version.</summary>
    internal HttpRequestMessage Request(Version version, HttpMethod method, string path, string scheme = "http") =>
        new(method, new Uri(AddressFor(version, scheme), path)) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

    /// <summary>What the backend says that it was asked.</summary>
    internal static async Task<Told> ToldAsync(HttpClient http, HttpRequestMessage request)
    {
        using var answer = await http.SendAsync(request, Ct);
        var body = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{answer.StatusCode}: {body}");
        return JsonSerializer.Deserialize<Told>(body)!;
    }
}

/// <summary>What the tests are repeated for.</summary>
public static class Versions
{
    /// <summary>The client's version with the instance's protocol.</summary>
    public static TheoryData<string, UpstreamProtocol> Both => new(
        from client in new[] { "1.1", "2.0" }
        from upstream in Enum.GetValues<UpstreamProtocol>()
        select (client, upstream));
}
