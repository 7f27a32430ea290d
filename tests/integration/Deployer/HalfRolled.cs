using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>What a rolling delivery leaves that is killed when the first container of the release that serves is stopped.</summary>
internal static class HalfRolled
{
    /// <param name="host">Where the service runs.</param>
    /// <param name="command">The service, whose active release has several containers.</param>
    /// <param name="version">The version that was being delivered.</param>
    public static async Task LeaveAsync(DeployerFixture host, DeployerCommand command, string version)
    {
        var (service, ct) = (command.Service, TestContext.Current.CancellationToken);
        var stored = await command.Store.ReadAsync(service, ct);
        var stopped = (await host.ContainersAsync(service)).MaxBy(container => container.Names[0], StringComparer.Ordinal)!;
        var instances = (await host.Consul.Health.Service(service, null, false, ct)).Response;
        var leaving = instances.Single(entry => entry.Service.Meta[InstanceMeta.Container] == stopped.ID).Service.ID;
        var killed = new Release(DeploymentId.New(), version, "i", DateTimeOffset.UnixEpoch);
        await using (var held = await command.Locks.TryAcquireAsync(service, new LockHolder("ci@cd", "deploy", DateTimeOffset.UnixEpoch), ct))
        {
            var entry = new HistoryEntry
            {
                Number = await command.Store.NextNumberAsync(service, ct),
                Service = service,
                Action = "deploy",
                Outcome = Outcome.Changed,
                Who = "ci@cd",
                At = DateTimeOffset.UnixEpoch,
                Seconds = 1,
                Release = killed,
            };
            var after = stored!.Document! with { Split = new Split(killed, 33.33), Leaving = [leaving] };
            Assert.True((await command.Store.CommitAsync(held!, after, stored.Index, entry, ct)).Committed);
        }

        await host.Docker.Containers.StopContainerAsync(stopped.ID, new(), ct);
        await ConsulFixture.Until((q, token) => host.Consul.Health.Service(service, null, false, q, token), entries => entries.All(entry => entry.Service.ID != leaving));
    }
}
