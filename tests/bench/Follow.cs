using Consul;

namespace ServiceMesh.Bench;

/// <summary>Waits with blocking queries.</summary>
internal static class Follow
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>Until the service has that many instances in the catalog.</summary>
    public static async Task InstancesAsync(IConsulClient consul, string service, int count, CancellationToken ct)
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

            if (answer.Response.Length == count)
                return;
            index = answer.LastIndex;
        }
    }
}
