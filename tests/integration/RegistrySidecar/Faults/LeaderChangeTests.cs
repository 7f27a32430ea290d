using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>The servers elect another leader while containers come and go.</summary>
public sealed class LeaderChangeTests(SidecarConsul parts)
{
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

        await InstancesAsync(client, starts, 1);
        await InstancesAsync(client, dies, 0);
    }

    // Without a leader a query fails with a 5xx; that is what the test is about, so it is asked again.
    private static async Task InstancesAsync(ConsulClient client, string service, int count)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        for (var tries = 0; ; tries++)
        {
            try
            {
                await ConsulFixture.Until((q, ct) => client.Health.Service(service, "", passingOnly: false, q, ct), entries => entries.Length == count);
                return;
            }
            catch (ConsulRequestException error) when (error.IsTransient && tries < 200)
            {
                await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
            }
        }
    }
}
