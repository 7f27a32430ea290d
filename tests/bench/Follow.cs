using System.Diagnostics;
using Consul;

namespace ServiceMesh.Bench;

/// <summary>Waits with blocking queries.</summary>
internal static class Follow
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    /// <summary>Until the service has that many instances in the catalog.</summary>
    public static Task InstancesAsync(IConsulClient consul, string service, int count, CancellationToken ct) =>
        FollowAsync(consul, service, count, _ => { }, ct);

    /// <summary>The same; notes by container when each instance was first seen.</summary>
    public static Task ArrivalsAsync(IConsulClient consul, string service, int count, Dictionary<string, long> arrivals, CancellationToken ct) =>
        FollowAsync(
            consul,
            service,
            count,
            instances =>
            {
                var now = Stopwatch.GetTimestamp();
                foreach (var instance in instances)
                    arrivals.TryAdd(instance.Service.Meta[InstanceMeta.Container], now);
            },
            ct);

    /// <summary>
    /// The same at a coarse look. Who is told of each of hundreds of registrations takes from Consul the processor time that they need.
    /// </summary>
    public static async Task CountAsync(IConsulClient consul, string service, int count, CancellationToken ct)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(Deadline);
        using var look = new PeriodicTimer(Look);
        while ((await consul.Catalog.Service(service, late.Token)).Response.Length != count)
            await look.WaitForNextTickAsync(late.Token);
    }

    private static async Task FollowAsync(
        IConsulClient consul, string service, int count, Action<ServiceEntry[]> seen, CancellationToken ct)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(Deadline);
        ulong index = 0;
        while (true)
        {
            QueryResult<ServiceEntry[]> answer;
            try
            {
                answer = await consul.Health.Service(service, "", passingOnly: false, new QueryOptions { WaitIndex = index }, late.Token);
            }
            catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
            {
                throw new InvalidOperationException($"{service} did not have {count} instances in the catalog within {Deadline.TotalSeconds} s", error);
            }

            seen(answer.Response);
            if (answer.Response.Length == count)
                return;
            index = answer.LastIndex;
        }
    }
}
