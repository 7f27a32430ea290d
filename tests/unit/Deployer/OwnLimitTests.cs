using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class OwnLimitTests
{
    private readonly FakeTimeProvider time = new();

    // A restart has its whole deadline, and what is in flight then its whole drain time.
    [Fact]
    public void OfTheWayBack_ASlowService_CutsOffNeitherItsHealthNorItsDrain() =>
        Assert.Equal(TimeSpan.FromMinutes(12), OwnLimit.OfTheWayBack(deadline: TimeSpan.FromMinutes(5), drain: TimeSpan.FromMinutes(5)));

    [Fact]
    public void Reason_ItsTimeIsOver_IsTheLimitWhateverTheCallSays()
    {
        using var limit = new OwnLimit(TimeSpan.FromSeconds(90), time);

        Assert.Equal("Docker stopped answering: reset. Is it running, and may you use it? Name another address with --docker or DOCKER_HOST.", limit.Reason(new IOException("reset")));
        time.Advance(TimeSpan.FromSeconds(90));

        Assert.True(limit.Token.IsCancellationRequested);
        Assert.Equal("it took longer than the 1m30s that it has", limit.Reason(new TaskCanceledException()));
    }
}
