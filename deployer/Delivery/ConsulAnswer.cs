using Consul;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What Consul is asked once. One call that fails is no reason to give up what depends on it.</summary>
internal static class ConsulAnswer
{
    private static readonly TimeSpan FailsFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Asks again for as long as Consul fails for a moment.</summary>
    public static async Task<T> OfAsync<T>(Func<Task<T>> ask, TimeProvider time, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (ConsulRequestException error) when (error.IsTransient && time.GetElapsedTime(began) < FailsFor)
            {
                await Task.Delay(Pause, time, ct);
            }
        }
    }
}
