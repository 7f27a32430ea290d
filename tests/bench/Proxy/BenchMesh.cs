using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using Consul;

namespace ServiceMesh.Bench.Proxy;

/// <summary>The mesh's proxy as a process of its own, following a Consul of the bench's own.</summary>
internal sealed class BenchMesh : IAsyncDisposable
{
    /// <summary>How much garbage there may be before it is collected, as the proxy's image sets it.</summary>
    public static readonly (string Name, string Value) Garbage = ("DOTNET_GCgen0size", "0x2000000");

    private readonly string folder;
    private readonly HttpClient http;

    private BenchMesh(BenchConsul consul, RunningProcess proxy, string folder, int port)
    {
        (Consul, Proxy, this.folder) = (consul, proxy, folder);
        Address = new Uri($"http://127.0.0.1:{port}");
        http = new HttpClient { BaseAddress = Address };
    }

    public BenchConsul Consul { get; }

    public RunningProcess Proxy { get; }

    public Uri Address { get; }

    /// <summary>Asks the proxy; it keeps its connection.</summary>
    public HttpClient Http => http;

    /// <param name="consul">The Consul that it follows.</param>
    /// <param name="ct">Ends the start.</param>
    /// <param name="settings">Further settings, as on the command line.</param>
    public static async Task<BenchMesh> StartAsync(BenchConsul consul, CancellationToken ct, params IEnumerable<string> settings)
    {
        var state = Directory.CreateTempSubdirectory("mesh-bench-").FullName;
        var (port, admin) = (Ports.Free(), Ports.Free());
        var proxy = await RunningProcess.StartAsync(
            Environment.GetEnvironmentVariable("MESH_PROXY")
                ?? throw new InvalidOperationException("MESH_PROXY names no proxy program: start the bench with ./mesh bench"),
            ["--port", Text(port), "--consul", consul.Address.ToString(), "--state", state, .. settings],
            port,
            ct,
            ("PROXY_ADMIN_PORT", Text(admin)),
            ("Logging__LogLevel__Default", "Warning"),
            Garbage);
        return new BenchMesh(consul, proxy, state, port);
    }

    /// <summary>An instance with a check, as a sidecar registers it. Of ten thousand checks those that are reported cost the agent least.</summary>
    /// <param name="service">The service.</param>
    /// <param name="deployment">The deployment id, and the instance's name unless another is given.</param>
    /// <param name="port">The port on this host.</param>
    /// <param name="ct">Ends the call.</param>
    /// <param name="instance">The instance's name.</param>
    public Task RegisterAsync(string service, string deployment, int port, CancellationToken ct, string? instance = null) => Consul.Client.Agent.ServiceRegister(
        new AgentServiceRegistration
        {
            ID = Id(service, instance ?? deployment),
            Name = service,
            Address = "127.0.0.1",
            Port = port,
            Check = new AgentServiceCheck { TTL = TimeSpan.FromHours(24), Status = HealthStatus.Passing },
            Meta = new Dictionary<string, string>(StringComparer.Ordinal) { [InstanceMeta.Deployment] = deployment, [InstanceMeta.Version] = deployment },
        },
        ct);

    /// <summary>
    /// An instance with a check on a host of its own, as that host's agent tells the servers. One agent that has thousands looks
    /// through all of them at each registration, and would take the processor from what is measured.
    /// </summary>
    /// <param name="host">The host's name.</param>
    /// <param name="service">The service.</param>
    /// <param name="deployment">The deployment id, and the instance's name.</param>
    /// <param name="port">The port on this host.</param>
    /// <param name="status">The check's status.</param>
    /// <param name="ct">Ends the call.</param>
    public async Task RegisterOnAsync(string host, string service, string deployment, int port, HealthStatus status, CancellationToken ct)
    {
        var id = Id(service, deployment);
        var registration = new
        {
            Node = host,
            Address = "127.0.0.1",
            Service = new { ID = id, Service = service, Address = "127.0.0.1", Port = port, Meta = new Dictionary<string, string>(StringComparer.Ordinal) { [InstanceMeta.Deployment] = deployment, [InstanceMeta.Version] = deployment } },
            Check = new { Node = host, CheckID = $"service:{id}", Name = "check", status.Status, ServiceID = id, ServiceName = service },
        };
        using var answer = await http.PutAsJsonAsync(new Uri(Consul.Address, "v1/catalog/register"), registration, ct);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Has the instance's check pass.</summary>
    public Task PassAsync(string service, string instance, CancellationToken ct) =>
        Consul.Client.Agent.PassTTL($"service:{Id(service, instance)}", "passes", ct);

    public Task DeregisterAsync(string service, string instance, CancellationToken ct) => Consul.Client.Agent.ServiceDeregister(Id(service, instance), ct);

    /// <summary>Writes what the deployer's transaction writes of a document.</summary>
    public Task PutAsync(ServiceDocument document, CancellationToken ct) => Consul.Client.KV.Txn(
        [
            new(Key(document.Service), KVTxnVerb.Set) { Value = DocumentFormat.Write(document) },
            new("mesh/latest", KVTxnVerb.Set) { Value = [.. Encoding.ASCII.GetBytes(document.Service + "\n"), .. DocumentFormat.Write(document)] },
        ],
        ct);

    public static string Key(string service) => $"mesh/services/{service}";

    public static Release Release(string deployment) => new(deployment, deployment, "image@sha256:0", DateTimeOffset.UnixEpoch);

    /// <summary>Asks until the path is answered with 200.</summary>
    public async Task ServesAsync(string path, string? host, TimeSpan within, CancellationToken ct)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(within);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Host = host;
            using var answer = await http.SendAsync(request, late.Token);
            if (answer.IsSuccessStatusCode)
                return;
            try
            {
                await poll.WaitForNextTickAsync(late.Token);
            }
            catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
            {
                throw new InvalidOperationException($"{path} was not served within {within.TotalSeconds} s; last: {answer.StatusCode}", error);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await Proxy.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static string Id(string service, string instance) => $"{service}-{instance}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
