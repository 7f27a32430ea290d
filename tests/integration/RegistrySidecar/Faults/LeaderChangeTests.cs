using System.Diagnostics;
using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>The servers elect another leader while containers come and go.</summary>
public sealed class LeaderChangeTests(SidecarConsul parts)
{
    // The longest backoff is 5 s, a call may hang for 2 s, and the agent itself tells the next leader only after a wait of its own.
    private static readonly TimeSpan OneReconcile = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Leader_Goes_CatalogIsRightWithTheNext()
    {
        await using var cluster = await ConsulCluster.StartAsync();
        var address = await cluster.FollowerAsync();
        using var client = ConsulFixture.ClientOf(address);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { ConsulAddress = address });
        (string dies, string starts) = (mesh.Named("dies"), mesh.Named("starts"));
        var container = await mesh.RunAsync("dies", [$"SERVICE_NAME={dies}"]);
        await InstancesAsync(client, dies, 1);

        await cluster.StopLeaderAsync();
        await mesh.KillAsync(container);
        await mesh.RunAsync("starts", [$"SERVICE_NAME={starts}"]);
        await cluster.ElectedAsync(address);

        var elected = Stopwatch.GetTimestamp();
        await InstancesAsync(client, starts, 1);
        await InstancesAsync(client, dies, 0);
        Assert.True(Stopwatch.GetElapsedTime(elected) < OneReconcile, $"It took {Stopwatch.GetElapsedTime(elected)}.");
    }

    // Without a leader a query fails with a 5xx; that is what the test is about, so it is asked again.
    private static Task InstancesAsync(ConsulClient client, string service, int count) => Until.TrueAsync(
        async () =>
        {
            try
            {
                return (await client.Health.Service(service, TestContext.Current.CancellationToken)).Response.Length == count;
            }
            catch (ConsulRequestException error) when (error.IsTransient)
            {
                return false;
            }
        });
}
