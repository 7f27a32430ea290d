using Consul;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class ServiceLockTests : IDisposable
{
    private const string Session = "session";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Tick = ServiceLock.TimeToLive / 5;

    private readonly FakeTimeProvider time = new();
    private readonly IConsulClient consul = Substitute.For<IConsulClient>();
    private readonly SemaphoreSlim asked = new(0);
    private Func<SessionEntry> answer = () => new SessionEntry();

    public ServiceLockTests()
    {
        consul.Session.Create(Arg.Any<SessionEntry>(), Arg.Any<CancellationToken>())
            .Returns(new WriteResult<string> { Response = Session });
        consul.KV.Acquire(Arg.Any<KVPair>(), Arg.Any<CancellationToken>()).Returns(new WriteResult<bool> { Response = true });
        consul.Session.Renew(Session, Arg.Any<CancellationToken>()).Returns(_ =>
        {
            asked.Release();
            return new WriteResult<SessionEntry> { Response = answer() };
        });
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => asked.Dispose();

    [Fact]
    public async Task Lost_RenewalsSucceed_IsNeverCancelled()
    {
        await using var held = await TakeAsync();

        await PassAsync(ticks: 20);

        Assert.False(held.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task Lost_ConsulAwayTwiceForLessThanTheTtl_IsNotCancelled()
    {
        await using var held = await TakeAsync();
        foreach (var state in (Func<SessionEntry>[])[() => throw Away(), () => new SessionEntry(), () => throw Away()])
        {
            answer = state;
            await PassAsync(ticks: 4);
        }

        Assert.False(held.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task Lost_ConsulAwayForTheTtl_IsCancelled()
    {
        await using var held = await TakeAsync();
        answer = () => throw Away();
        await PassAsync(ticks: 4);
        Assert.False(held.Lost.IsCancellationRequested);

        time.Advance(2 * Tick);

        await LostAsync(held);
    }

    [Fact]
    public async Task Lost_SessionExpired_IsCancelledAtOnce()
    {
        await using var held = await TakeAsync();
        answer = () => throw new SessionExpiredException("gone");

        time.Advance(Tick);

        await LostAsync(held);
    }

    [Fact]
    public async Task Dispose_ConsulAway_DoesNotThrow()
    {
        consul.Session.Destroy(Session, Arg.Any<CancellationToken>()).ThrowsAsync(Away());
        var held = await TakeAsync();

        await held.DisposeAsync();

        await consul.Session.Received(1).Destroy(Session, Arg.Any<CancellationToken>());
        Assert.False(held.Lost.IsCancellationRequested);
    }

    private static ConsulRequestException Away() => new("away", ConsulFault.Unreachable, inner: null);

    private async Task<ServiceLock> TakeAsync() =>
        (await new LockStore(consul, time).TryAcquireAsync("demo", new LockHolder("me", "a test", default), Ct))!;

    private async Task PassAsync(int ticks)
    {
        for (var tick = 0; tick < ticks; tick++)
        {
            time.Advance(Tick);
            Assert.True(await asked.WaitAsync(Deadline, Ct), "the session was not renewed");
        }
    }

    private static async Task LostAsync(ServiceLock held)
    {
        var lost = new TaskCompletionSource();
        await using var registration = held.Lost.Register(lost.SetResult);
        await lost.Task.WaitAsync(Deadline, Ct);
    }
}
