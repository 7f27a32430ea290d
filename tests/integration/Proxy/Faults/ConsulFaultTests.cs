using System.Diagnostics;
using ServiceMesh.Tests.Integration.RegistrySidecar.Faults;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Faults;

/// <summary>Consul fails in one of its ways, under load: no request fails, and afterwards both proxies do the same, and the right thing.</summary>
public sealed class ConsulFaultTests
{
    private static readonly TimeSpan FaultLasts = TimeSpan.FromSeconds(2);

    // The longest backoff is 5 s, and a few for a busy machine.
    private static readonly TimeSpan Disagreement = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Consul_KilledAndStartedAgain_ItsChangesAreFollowed()
    {
        await using var consul = await FaultyConsul.StartAsync(keepsData: true);
        await using var scene = await TwoProxies.StartAsync(consul);

        await consul.KillAsync();
        await ScriptedConsul.LastAsync(FaultLasts);
        await scene.AgreeAsync("one", "one", "one");
        await consul.StartAgainAsync();
        await scene.Services[0].PromoteAsync("two");

        await scene.AgreeAsync("two", "one", "one");
        await scene.EndAsync();
    }

    [Fact]
    public async Task Consul_Paused_ItsChangesAreFollowedAfterwards()
    {
        await using var consul = await FaultyConsul.StartAsync(keepsData: false);
        await using var scene = await TwoProxies.StartAsync(consul);

        await consul.PauseAsync();
        await ScriptedConsul.LastAsync(FaultLasts);
        await scene.AgreeAsync("one", "one", "one");
        await consul.UnpauseAsync();
        await scene.Services[1].PromoteAsync("two");

        await scene.AgreeAsync("one", "two", "one");
        await scene.EndAsync();
    }

    [Fact]
    public async Task Consul_WipedAndFilledAgain_IsHeldBackUntilItIsFilled()
    {
        await using var consul = await FaultyConsul.StartAsync(keepsData: false);
        await using var scene = await TwoProxies.StartAsync(consul);
        // The indices of what stood there are higher than those of what will stand there.
        await scene.Services[2].PromoteAsync("two");
        await scene.AgreeAsync("one", "one", "two");

        await consul.KillAsync();
        await consul.StartAgainAsync();
        await scene.HeldAsync();
        await scene.RegisterAsync();
        foreach (var service in scene.Services)
            await service.PromoteAsync("one");

        await scene.AgreeAsync("one", "one", "one");
        await scene.EndAsync();
    }

    [Fact]
    public async Task Consul_RestoredFromAnOlderBackup_WhatItSaysNowIsFollowed()
    {
        await using var consul = await FaultyConsul.StartAsync(keepsData: true);
        await using var scene = await TwoProxies.StartAsync(consul);
        var backup = await consul.SaveAsync();
        await scene.Services[0].PromoteAsync("two");
        await scene.AgreeAsync("two", "one", "one");

        await consul.RestoreAsync(backup);
        await scene.AgreeAsync("one", "one", "one");

        // What is written next may get an index that another document had before.
        await scene.Services[1].PromoteAsync("two");
        await scene.AgreeAsync("one", "two", "one");
        await scene.EndAsync();
    }

    [Theory]
    [InlineData(Fault.InternalServerError)]
    [InlineData(Fault.TooManyRequests)]
    [InlineData(Fault.Hang)]
    [InlineData(Fault.Reset)]
    public async Task Consul_Fails_WhatChangedMeanwhileIsFollowedAfterwards(Fault fault)
    {
        await using var consul = await FaultyConsul.StartAsync(keepsData: false);
        await using var scene = await TwoProxies.StartAsync(consul);

        foreach (var way in scene.Ways)
            await way.BeginAsync(fault);
        await scene.Services[0].PromoteAsync("two");
        await scene.Services[1].PutAsync("no document"u8.ToArray());
        await ScriptedConsul.LastAsync(FaultLasts);
        await scene.AgreeAsync("one", "one", "one");
        // Asked again with patience: a Consul in trouble must not be kept there.
        Assert.All(scene.Ways, way => Assert.InRange(way.Hits, 1, 100));
        await scene.Services[1].PromoteAsync("two");
        foreach (var way in scene.Ways)
            await way.EndAsync();

        await scene.AgreeAsync("two", "two", "one");
        await scene.EndAsync();
    }

    [Fact]
    public async Task Consul_CutOffFromOneProxy_TheTwoDisagreeNoLongerThanThat()
    {
        await using var consul = await FaultyConsul.StartAsync(keepsData: false);
        await using var scene = await TwoProxies.StartAsync(consul);

        await scene.Ways[1].BeginAsync(Fault.Reset);
        await scene.Services[0].PromoteAsync("two");
        await ScriptedConsul.LastAsync(FaultLasts);
        await scene.Ways[1].EndAsync();
        var ended = Stopwatch.GetTimestamp();

        await scene.AgreeAsync("two", "one", "one");
        Assert.True(Stopwatch.GetElapsedTime(ended) < Disagreement, $"It took {Stopwatch.GetElapsedTime(ended)}.");
        await scene.EndAsync();
    }
}
