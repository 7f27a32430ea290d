using Consul;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What runs and how healthy it is, as Consul knows it.</summary>
internal sealed class Catalog(IConsulClient consul, BlockingQuery blocking)
{
    private static QueryOptions Fresh => new() { Consistency = ConsistencyMode.Consistent };

    /// <summary>The instances of a service, in the order of their ids.</summary>
    public async Task<Instance[]> InstancesAsync(string service, CancellationToken ct) =>
        [.. (await WithContainersAsync(service, ct)).Select(entry => entry.Instance)];

    /// <summary>
    /// The same with the id of each one's container, empty where no sidecar named one. As fresh as when they are followed: a server that has
    /// just started may not know them yet, and what is not known looks like what has no requests.
    /// </summary>
    public async Task<(Instance Instance, string Container)[]> WithContainersAsync(string service, CancellationToken ct) =>
        Read((await consul.Health.Service(service, null, false, Fresh, ct)).Response);

    /// <summary>The instances of some containers, now and after each change; <paramref name="answered"/> hears of each question why it had no answer, or <c>null</c>.</summary>
    public IAsyncEnumerable<(Instance Instance, string Container)[]> FollowAsync(
        string service, IReadOnlySet<string> containers, Action<ConsulRequestException?> answered, CancellationToken ct) =>
        blocking.FollowAsync(
            $"instances of {service}",
            (q, token) => OfContainersAsync(service, containers, answered, q, token),
            static (one, other) => one.AsSpan().SequenceEqual(other),
            ct);

    /// <summary>The same once.</summary>
    public async Task<(Instance Instance, string Container)[]> OfContainersAsync(
        string service, IReadOnlySet<string> containers, Action<ConsulRequestException?> answered, CancellationToken ct) =>
        (await OfContainersAsync(service, containers, answered, Fresh, ct)).Response;

    /// <summary>What the first check says that does not pass for a container's instance; <c>null</c> where all pass, or it says nothing.</summary>
    public async Task<string?> ComplaintAsync(string service, string container, CancellationToken ct) =>
        (await consul.Health.Service(service, null, false, Fresh, ct)).Response
            .Where(entry => ContainerOf(entry) == container)
            .SelectMany(entry => entry.Checks)
            .Where(check => check.Status.Status != "passing")
            .Select(check => check.Output?.Trim())
            .FirstOrDefault(output => !string.IsNullOrEmpty(output));

    /// <summary>The services that a sidecar marked with a stage.</summary>
    public async Task<IReadOnlyList<string>> ServicesAsync(CancellationToken ct) =>
    [
        .. (await consul.Catalog.Services(ct)).Response
            .Where(service => service.Value.Any(StageTag.All.Contains))
            .Select(service => service.Key),
    ];

    private async Task<QueryResult<(Instance Instance, string Container)[]>> OfContainersAsync(
        string service, IReadOnlySet<string> containers, Action<ConsulRequestException?> answered, QueryOptions q, CancellationToken ct)
    {
        try
        {
            var result = await consul.Health.Service(service, null, false, q, ct);
            answered(null);
            return new QueryResult<(Instance Instance, string Container)[]>(result, [.. Read(result.Response).Where(entry => containers.Contains(entry.Container))]);
        }
        catch (ConsulRequestException error)
        {
            answered(error);
            throw;
        }
    }

    private static string ContainerOf(ServiceEntry entry) => entry.Service.Meta?.TryGetValue(InstanceMeta.Container, out var id) is true ? id : "";

    private static (Instance Instance, string Container)[] Read(IEnumerable<ServiceEntry> entries) =>
        [.. entries.Select(entry => (Instance: Instance.From(entry), ContainerOf(entry))).OrderBy(entry => entry.Instance.Id, StringComparer.Ordinal)];
}
