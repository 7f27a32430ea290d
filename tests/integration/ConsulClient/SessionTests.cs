using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class SessionTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private ISessionEndpoint Sessions => consul.Client.Session;

    [Fact]
    public async Task Create_EveryField_IsReadBack()
    {
        var name = ConsulFixture.Unique("session");
        var id = (await Sessions.Create(
            new SessionEntry
            {
                Name = name,
                TTL = TimeSpan.FromMinutes(90),
                LockDelay = TimeSpan.FromMilliseconds(1500),
                Behavior = SessionBehavior.Delete,
            },
            Ct)).Response;

        var session = (await Sessions.Info(id, Ct)).Response;

        Assert.NotNull(session);
        Assert.Equal((id, name), (session.ID, session.Name));
        Assert.Equal(TimeSpan.FromMinutes(90), session.TTL);
        Assert.Equal(TimeSpan.FromMilliseconds(1500), session.LockDelay);
        Assert.Equal(SessionBehavior.Delete, session.Behavior);
        Assert.Contains((await Sessions.List(Ct)).Response, listed => listed.ID == id);
        Assert.Equal(TimeSpan.FromMinutes(90), (await Sessions.Renew(id, Ct)).Response.TTL);
        await Sessions.Destroy(id, Ct);
    }

    [Fact]
    public async Task Destroy_Session_IsGoneAndRenewSaysSo()
    {
        var id = (await Sessions.Create(Ct)).Response;

        Assert.True((await Sessions.Destroy(id, Ct)).Response);

        Assert.Null((await Sessions.Info(id, Ct)).Response);
        var expired = await Assert.ThrowsAsync<SessionExpiredException>(() => Sessions.Renew(id, Ct));
        Assert.Contains(id, expired.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RenewPeriodic_Cancelled_DestroysTheSession()
    {
        var ttl = TimeSpan.FromMinutes(1);
        var id = (await Sessions.Create(new SessionEntry { TTL = ttl }, Ct)).Response;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var renewal = Sessions.RenewPeriodic(ttl, id, stop.Token);
        await stop.CancelAsync();
        await renewal;

        Assert.Null((await Sessions.Info(id, Ct)).Response);
    }

    [Fact]
    public async Task RenewPeriodic_SessionDestroyedElsewhere_SaysSo()
    {
        var id = (await Sessions.Create(new SessionEntry { TTL = TimeSpan.FromSeconds(10) }, Ct)).Response;
        await Sessions.Destroy(id, Ct);

        await Assert.ThrowsAsync<SessionExpiredException>(
            () => Sessions.RenewPeriodic(TimeSpan.FromMilliseconds(20), id, Ct));
    }

    [Fact]
    public async Task Create_TtlBelowTheMinimum_IsRejectedWithConsulsReason()
    {
        var failure = await Assert.ThrowsAsync<ConsulRequestException>(
            () => Sessions.Create(new SessionEntry { TTL = TimeSpan.FromSeconds(1) }, Ct));

        Assert.Contains("TTL", failure.Message, StringComparison.Ordinal);
    }
}
