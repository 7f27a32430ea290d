using ServiceMesh.Tests.Integration.RegistrySidecar.Faults;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Faults;

public sealed class ManyServicesTests
{
    private const int Many = 300;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Follow_ManyServices_NeedsAsFewConnectionsAsAFew()
    {
        await using var consul = await FaultyConsul.StartAsync(keepsData: false);
        await using var backend = await Backend.StartAsync("one");
        var services = Enumerable.Range(0, Many).Select(_ => new ServiceOnConsul(consul.Client)).ToArray();
        await Parallel.ForEachAsync(services, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Ct }, async (service, _) =>
        {
            await service.AddInstanceAsync("one", backend.Port);
            await service.AddInstanceAsync("two", backend.Port);
            await service.PromoteAsync("one");
        });
        await using var way = await ScriptedConsul.StartAsync(consul.Address);

        await using var proxy = await RunningProxy.StartAsync(way.Address, state: null, KeyValuePair.Create<string, string?>("Resync", "00:00:01"));
        await Parallel.ForEachAsync(services, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Ct }, async (service, _) => await service.PromoteAsync("two"));
        foreach (var service in services)
            await proxy.UntilAsync(service.Name, account => account.GetProperty("url").GetProperty("url").ValueKind == System.Text.Json.JsonValueKind.String
                && account.GetProperty("version").GetString() == "two");

        // What was opened is kept for a while, so that this is the most there were.
        Assert.InRange(way.Connections, 1, 16);
    }
}
