using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class StandingTests
{
    private static readonly Release V1 = new("d1", "v1", "i", DateTimeOffset.UnixEpoch);
    private static readonly Release V2 = new("d2", "v2", "i", DateTimeOffset.UnixEpoch);
    private static readonly ServiceDocument Serving = ServiceDocument.Create("demo", [new Route(null, "/demo", StripPath: false)]).Promote(V1);

    public static TheoryData<ServiceDocument?, bool, string> Standings { get; } = new()
    {
        { null, false, "v2 has no traffic. 'deployer status demo' tells what is active." },
        { Serving, false, "v2 has no traffic. 'deployer status demo' tells what is active." },
        { Serving with { Split = new Split(V2, 33.33) }, true, "v2 still has 33.33 % of the traffic beside v1. 'deployer abort demo' ends that, 'deployer status demo' tells of it." },
        { Serving.Promote(V2), true, "v2 is active. 'deployer rollback demo' returns to the release before, 'deployer status demo' tells of it." },
        { Serving.Promote(V2).Promote(V1), true, "v2 has no traffic. 'deployer status demo' tells what is active." },
    };

    [Theory]
    [MemberData(nameof(Standings))]
    public void Of_ARelease_IsWhatTheDocumentMakesOfIt(ServiceDocument? document, bool named, string sentence)
    {
        var stored = new StoredDocument("demo", document, 7, Fault: null);

        Assert.Equal(named, Standing.IsNamed(stored, V2));
        Assert.Equal(sentence, Standing.Of(stored, V2));
    }

    [Fact]
    public void Of_WhatIsNoDocument_MayHaveTraffic()
    {
        var stored = new StoredDocument("demo", null, 7, "no JSON");

        Assert.True(Standing.IsNamed(stored, V2));
        Assert.Equal(
            "what Consul KV holds for demo is no document any more: no JSON. Delete or mend that key; until then the proxies go by the last good one.",
            Standing.Of(stored, V2));
    }
}
