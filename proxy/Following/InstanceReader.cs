using System.Collections.Concurrent;
using Consul;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Following;

/// <summary>Reads services' instances from Consul, a few services at a time.</summary>
internal sealed partial class InstanceReader(IConsulClient consul, ProxyMeter meter, ILogger<InstanceReader> log)
{
    // Consul allows one client address 200 connections; this leaves it room, and its own work some order.
    private const int AtOnce = 8;

    // A server that has just started answers other reads before it has replayed its log, with instances missing.
    private static QueryOptions Replayed => new() { Consistency = ConsistencyMode.Consistent };

    /// <summary>All instances of the given services, of whatever health. A service that could not be read is missing.</summary>
    public async Task<IReadOnlyDictionary<string, IReadOnlyList<Instance>>> ReadAsync(IReadOnlyCollection<string> services, CancellationToken ct)
    {
        var read = new ConcurrentDictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal);
        var failures = new ConcurrentQueue<string>();
        await Parallel.ForEachAsync(
            services,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct },
            async (service, token) =>
            {
                // Where none of the first answers, the others would not either.
                if (!read.IsEmpty || failures.Count < AtOnce)
                    await ReadAsync(service, read, failures, token);
            });
        if (failures.TryPeek(out var reason))
            InstancesUnread(services.Count - read.Count, services.Count, reason);
        return read;
    }

    /// <summary>The names of all services that have instances; <c>null</c> where they could not be read.</summary>
    public async Task<IReadOnlySet<string>?> ListAsync(CancellationToken ct)
    {
        try
        {
            return (await consul.Catalog.Services(Replayed, ct)).Response.Keys.ToHashSet(StringComparer.Ordinal);
        }
        catch (ConsulRequestException error)
        {
            meter.ConsulFailed();
            Unlisted(error.Message);
            return null;
        }
    }

    private async Task ReadAsync(
        string service, ConcurrentDictionary<string, IReadOnlyList<Instance>> read, ConcurrentQueue<string> failures, CancellationToken ct)
    {
        try
        {
            var answer = await consul.Health.Service(service, tag: "", passingOnly: false, Replayed, ct);
            read[service] = [.. (answer.Response ?? []).Select(Instance.From).OrderBy(instance => instance.Id, StringComparer.Ordinal)];
        }
        catch (ConsulRequestException error)
        {
            meter.ConsulFailed();
            failures.Enqueue(error.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The catalog's services could not be listed: {Reason}")]
    private partial void Unlisted(string reason);

    [LoggerMessage(LogLevel.Warning, "The instances of {Unread} of {Asked} services could not be read: {Reason}")]
    private partial void InstancesUnread(int unread, int asked, string reason);
}
