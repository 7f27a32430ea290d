using ServiceMesh.Tests.Integration.RegistrySidecar.Faults;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

/// <summary>How soon the proxy sees what Consul tells, and what it sees through one that is slow.</summary>
public sealed class FollowingTests(ConsulFixture consul) : IAsyncLifetime
{
    // A blocking query is given up after 20 s.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly AsyncDisposables started = new();
    private ServiceOnConsul service = null!;
    private ScriptedConsul way = null!;
    private RunningProxy proxy = null!;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        way = started.Add(await ScriptedConsul.StartAsync(consul.Address));
        service = new ServiceOnConsul(consul.Client);
        // Nothing is seen by reading all again.
        proxy = started.Add(await RunningProxy.StartAsync(way.Address, state: null, KeyValuePair.Create<string, string?>("Resync", "01:00:00")));
        foreach (var name in new[] { "one", "other" })
            await service.AddInstanceAsync(name, started.Add(await Backend.StartAsync(name)).Port, deployment: "one");
        await service.PromoteAsync("one");
        await UntilInTrafficAsync("one", "other");
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task ACheckThatFails_IsSeenByTheWatchOfAllChecks()
    {
        await service.FailAsync("other");

        await UntilInTrafficAsync("one");
    }

    [Fact]
    public async Task AQueryThatIsNeverAnswered_IsAskedAnewAndItsChangesAreFollowed()
    {
        var hung = 0;
        await way.BeginAsync(Fault.Hang, call => IsOfDocuments(call) && Interlocked.Exchange(ref hung, 1) == 0);
        await way.UntilAsync(sick => sick.Hits == 1);

        var index = await service.ChangeAsync(document => document with { Maintenance = new Maintenance(DateTimeOffset.UnixEpoch) });

        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index, Patience);
    }

    [Fact]
    public async Task EachAnswerComesLate_DocumentsAndChecksAreFollowed()
    {
        await way.BeginAsync(Fault.Slow);

        var index = await service.ChangeAsync(document => document with { Maintenance = new Maintenance(DateTimeOffset.UnixEpoch) });
        await service.FailAsync("other");

        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index, Patience);
        await UntilInTrafficAsync("one");
    }

    private static bool IsOfDocuments(ConsulCall call) => call.Path == "/v1/kv/mesh/services/";

    private Task UntilInTrafficAsync(params string[] names) => proxy.UntilAsync(service.Name, account => account.GetProperty("instances").EnumerateArray()
        .Where(instance => instance.GetProperty("inTraffic").GetBoolean())
        .Select(instance => instance.GetProperty("id").GetString())
        .SequenceEqual(names.Select(name => $"{service.Name}-{name}")), Patience);
}
