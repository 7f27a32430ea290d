using Consul;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using Xunit;

namespace ServiceMesh.Tests.Unit.ConsulApi;

public sealed class SessionRenewalTests
{
    private const string Id = "session";
    private static readonly TimeSpan s_ttl = TimeSpan.FromSeconds(10);
    private readonly FakeTimeProvider _time = new();
    private readonly ISessionEndpoint _sessions = Substitute.For<ISessionEndpoint>();

    [Fact]
    public async Task Run_RenewalsSucceed_RenewsAtHalfTheTtlUntilCancelled()
    {
        Renewals().Returns(new WriteResult<SessionEntry> { Response = new SessionEntry { TTL = s_ttl } });
        using var stop = new CancellationTokenSource();

        var run = Run(stop.Token);
        Advance(TimeSpan.FromSeconds(60));
        await _sessions.Received(12).Renew(Id, null, Arg.Any<CancellationToken>());
        Assert.False(run.IsCompleted);
        await stop.CancelAsync();
        await run;

        await _sessions.Received(1).Destroy(Id, null, CancellationToken.None);
    }

    [Fact]
    public async Task Run_ServerShortensTheTtl_RenewsMoreOften()
    {
        Renewals().Returns(
            new WriteResult<SessionEntry> { Response = new SessionEntry { TTL = TimeSpan.FromSeconds(2) } });
        using var stop = new CancellationTokenSource();

        var run = Run(stop.Token);
        Advance(TimeSpan.FromSeconds(8));
        await stop.CancelAsync();
        await run;

        await _sessions.Received(4).Renew(Id, null, Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task Run_ConsulAwayForLessThanTheTtl_GoesOn()
    {
        var away = true;
        Renewals().Returns(_ => away
            ? Task.FromException<WriteResult<SessionEntry>>(Away())
            : Task.FromResult(new WriteResult<SessionEntry> { Response = new SessionEntry { TTL = s_ttl } }));
        using var stop = new CancellationTokenSource();

        var run = Run(stop.Token);
        Advance(TimeSpan.FromSeconds(8));
        away = false;
        Advance(TimeSpan.FromSeconds(30));

        Assert.False(run.IsCompleted);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task Run_ConsulAwayForTheTtl_Fails()
    {
        Renewals().Returns(Task.FromException<WriteResult<SessionEntry>>(Away()));

        var run = Run(CancellationToken.None);
        Advance(TimeSpan.FromSeconds(9));
        Assert.False(run.IsCompleted);
        Advance(TimeSpan.FromSeconds(2));

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => run);
        Assert.Equal(ConsulFault.Unreachable, failure.Fault);
    }

    [Fact]
    public async Task Run_SessionExpired_FailsAtOnce()
    {
        Renewals().Returns(Task.FromException<WriteResult<SessionEntry>>(new SessionExpiredException("gone")));

        var run = Run(CancellationToken.None);
        Advance(TimeSpan.FromSeconds(5));

        await Assert.ThrowsAsync<SessionExpiredException>(() => run);
    }

    private static ConsulRequestException Away() => new("away", ConsulFault.Unreachable, inner: null);

    private Task Run(CancellationToken ct) => new SessionRenewal(_sessions, _time).Run(s_ttl, Id, null, ct);

    private Task<WriteResult<SessionEntry>> Renewals() => _sessions.Renew(Id, null, Arg.Any<CancellationToken>());

    private void Advance(TimeSpan time)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(1))
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
