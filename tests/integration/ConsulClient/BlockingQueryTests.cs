using System.Diagnostics;
using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class BlockingQueryTests(ConsulFixture consul)
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(10);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IKVEndpoint KV => consul.Client.KV;

    [Fact]
    public async Task List_WriteUnderThePrefix_Wakes()
    {
        var prefix = $"{ConsulFixture.Unique("wake")}/";
        await KV.Put(new KVPair($"{prefix}a"), Ct);
        var first = await KV.List(prefix, Ct);

        var waiting = KV.List(prefix, Blocking(first.LastIndex, Long), Ct);
        await KV.Put(new KVPair($"{prefix}b"), Ct);
        var woken = await waiting;

        Assert.Equal(2, woken.Response?.Length);
        Assert.True(woken.LastIndex > first.LastIndex);
        Assert.True(woken.RequestTime < Prompt);
    }

    [Fact]
    public async Task List_WriteElsewhere_WaitsAndReturnsTheSameIndex()
    {
        var wait = TimeSpan.FromMilliseconds(700);
        var root = ConsulFixture.Unique("sleep");
        await KV.Put(new KVPair($"{root}/svc-1/a"), Ct);
        var first = await KV.List($"{root}/svc-1/", Ct);

        var waiting = KV.List($"{root}/svc-1/", Blocking(first.LastIndex, wait), Ct);
        await KV.Put(new KVPair($"{root}/svc-10/a"), Ct);
        var over = await waiting;

        Assert.Equal(first.LastIndex, over.LastIndex);
        Assert.Single(over.Response!);
        Assert.True(over.RequestTime >= wait, $"came back after {over.RequestTime}");
    }

    [Fact]
    public async Task Get_AbsentKeyIsCreated_Wakes()
    {
        var key = ConsulFixture.Unique("create");
        var absent = await KV.Get(key, Ct);

        var waiting = ConsulFixture.Until((options, ct) => KV.Get(key, options, ct), pair => pair is not null);
        await KV.Put(new KVPair(key) { Value = [1] }, Ct);

        Assert.Null(absent.Response);
        Assert.Equal([1], (await waiting)!.Value);
    }

    [Fact]
    public async Task Service_RegisteredElsewhere_WakesHealth()
    {
        var name = ConsulFixture.Unique("svc");
        var waiting = ConsulFixture.Until(
            (options, ct) => consul.Client.Health.Service(name, null, false, options, ct), found => found.Length == 1);

        await consul.Client.Agent.ServiceRegister(new AgentServiceRegistration { ID = name, Name = name }, Ct);

        Assert.Equal(name, (await waiting)[0].Service.ID);
        await consul.Client.Agent.ServiceDeregister(name, Ct);
    }

    [Fact]
    public async Task Get_CancelledWhileBlocking_ReturnsPromptly()
    {
        var key = ConsulFixture.Unique("cancel");
        await KV.Put(new KVPair(key), Ct);
        var index = (await KV.Get(key, Ct)).LastIndex;
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var started = Stopwatch.GetTimestamp();

        var waiting = KV.Get(key, Blocking(index, Long), cancel.Token);
        cancel.CancelAfter(TimeSpan.FromMilliseconds(300));
        var cancelled = await Assert.ThrowsAsync<OperationCanceledException>(() => waiting);

        Assert.Equal(cancel.Token, cancelled.CancellationToken);
        Assert.True(Stopwatch.GetElapsedTime(started) < Prompt);
    }

    [Fact]
    public async Task Get_WaitLongerThanTheRequestTimeout_IsNotATimeout()
    {
        using var impatient = new Consul.ConsulClient(config =>
        {
            config.Address = consul.Address;
            config.RequestTimeout = TimeSpan.FromMilliseconds(500);
        });
        var key = ConsulFixture.Unique("patient");
        await KV.Put(new KVPair(key), Ct);
        var index = (await KV.Get(key, Ct)).LastIndex;

        var over = await impatient.KV.Get(key, Blocking(index, TimeSpan.FromSeconds(1)), Ct);

        Assert.Equal(index, over.LastIndex);
        Assert.True(over.RequestTime > impatient.Config.RequestTimeout);
    }

    private static QueryOptions Blocking(ulong index, TimeSpan wait) => new() { WaitIndex = index, WaitTime = wait };
}
