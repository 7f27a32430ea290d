using Microsoft.AspNetCore.Http;
using ServiceMesh.Policy;
using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;
using Xunit;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Tests.Unit.Proxy.Health;

public sealed class PassiveHealthTests
{
    private static readonly Exception NoReason = new InvalidOperationException("whatever");

    /// <summary>What the forwarder says, whether the answer's headers had come, their status, and whether an instance may be ejected for it.</summary>
    public static TheoryData<ForwarderError, bool, int, bool> Ends => new()
    {
        { ForwarderError.None, true, 200, false },
        { ForwarderError.None, true, 500, true },
        { ForwarderError.Request, false, 502, true },
        { ForwarderError.RequestTimedOut, false, 504, true },
        { ForwarderError.ResponseBodyDestination, true, 200, true },
        { ForwarderError.RequestBodyClient, false, 400, false },
        { ForwarderError.RequestBodyDestination, false, 502, false },
        { ForwarderError.RequestCanceled, false, 502, false },
        { ForwarderError.ResponseBodyClient, true, 200, false },
        { ForwarderError.UpgradeRequestClient, true, 101, false },
        { ForwarderError.UpgradeActivityTimeout, true, 101, false },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void Record_AnEnd_CountsAgainstTheInstanceOnlyWhereItIsItsFault(ForwarderError error, bool isAnswered, int status, bool ejects)
    {
        var news = new MeshNews(TimeProvider.System);
        var service = Service(new PassivePolicy(ErrorShare: 1, Minimum: 1));

        if (FailureRule.IsCharged(error, NoReason))
        {
            new PassiveHealth(news, TimeProvider.System).Record(
                service, service.Members[0], FailureRule.Of(error, NoReason, isAnswered, isClientGone: false), status);
        }

        Assert.Equal(ejects, news.TryTake(out _));
    }

    // Over HTTP/2 the requests wait for one connection, and most of them are late before it has failed.
    [Theory]
    [InlineData(Failure.Timeout, true)]
    [InlineData(Failure.Broken, false)]
    [InlineData(null, false)]
    public void Record_BetweenFailedConnections_OnlyASilenceDoesNotEndTheirRow(object? between, bool ejects)
    {
        var news = new MeshNews(TimeProvider.System);
        var service = Service(new PassivePolicy(Failures: 2));

        foreach (var failure in (Failure?[])[Failure.Connect, (Failure?)between, Failure.Connect])
            new PassiveHealth(news, TimeProvider.System).Record(service, service.Members[0], failure, failure is null ? 200 : 502);

        Assert.Equal(ejects, news.TryTake(out _));
    }

    // Each piece of news costs a look at all services.
    [Fact]
    public void Record_OfAnInstanceThatIsEjected_IsNoNews()
    {
        var (news, service) = (new MeshNews(TimeProvider.System), Service(new PassivePolicy(Failures: 1)));
        var finding = new HealthFinding(service.Members[0].State, FindingKind.Ejectable);
        var touched = new Dictionary<string, List<HealthFinding>>(StringComparer.Ordinal) { ["demo"] = [finding] };
        var ejected = ServiceModel.Follow(service, service.Stored, service.Instances, new Moment(DateTimeOffset.UnixEpoch, touched));

        new PassiveHealth(news, TimeProvider.System).Record(ejected, ejected.Members[0], Failure.Connect, StatusCodes.Status502BadGateway);
        Assert.False(news.IsThere);

        touched["demo"] = [];
        var over = ServiceModel.Follow(ejected, ejected.Stored, ejected.Instances, new Moment(DateTimeOffset.UnixEpoch + PassivePolicy.DefaultEjection, touched));
        new PassiveHealth(news, TimeProvider.System).Record(over, over.Members[0], Failure.Connect, StatusCodes.Status502BadGateway);
        Assert.True(news.IsThere);
    }

    private static ServiceModel Service(PassivePolicy policy)
    {
        var document = ServiceDocument.Create("demo", []) with { Traffic = new TrafficPolicy { Passive = policy } };
        var instance = new Instance("a", "node", "demo", "10.0.0.9", 1, "one", "v", "passing");
        return ServiceModel.Follow(null, new StoredDocument("demo", document, 1, Fault: null), [instance], new Moment(DateTimeOffset.UnixEpoch));
    }
}
