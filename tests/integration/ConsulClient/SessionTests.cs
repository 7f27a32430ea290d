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

    [Theory]
    [InlineData(0, true)]
    [InlineData(15, false)]
    public async Task Destroy_SessionWithALock_LeavesItTakenForTheLockDelay(int lockDelay, bool free)
    {
        var key = ConsulFixture.Unique("delay");
        var first = (await Sessions.Create(new SessionEntry { LockDelay = TimeSpan.FromSeconds(lockDelay) }, Ct)).Response;
        var second = (await Sessions.Create(Ct)).Response;
        Assert.True((await consul.Client.KV.Acquire(new KVPair(key) { Session = first }, Ct)).Response);

        await Sessions.Destroy(first, Ct);

        Assert.Equal(free, (await consul.Client.KV.Acquire(new KVPair(key) { Session = second }, Ct)).Response);
    }

    [Fact]
    public async Task Create_TtlBelowTheMinimum_IsRejectedWithConsulsReason()
    {
        var failure = await Assert.ThrowsAsync<ConsulRequestException>(
            () => Sessions.Create(new SessionEntry { TTL = TimeSpan.FromSeconds(1) }, Ct));

        Assert.Contains("TTL", failure.Message, StringComparison.Ordinal);
    }
}
