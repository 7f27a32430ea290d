using ServiceMesh.Policy;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Snapshots;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

/// <summary>What is not in effect at once: a promotion, the end of a drain, the end of a service.</summary>
public sealed partial class ServiceModelTests
{
    [Fact]
    public void Follow_APromotionWhoseInstancesAreNotKnownYet_WaitsForOneOfThem()
    {
        var before = Follow(null, V1, [Passing("a", "one")]);

        var waiting = Follow(before, V2, [Passing("a", "one"), Passing("c", "stranger")]);
        Assert.Equal(["a"], InTraffic(waiting));
        Assert.Equal(V1.Index, waiting.Stored.Index);

        var known = Follow(waiting, V2, [Passing("a", "one"), Passing("b", "two")]);
        Assert.Equal(["a"], InTraffic(known));

        var after = Found(known, "b", FindingKind.Answers);
        Assert.Equal(["b"], InTraffic(after));
        Assert.Equal(V2.Index, after.Stored.Index);
    }

    [Fact]
    public void Follow_APromotionWhoseInstancesDoNotAnswer_IsAppliedAfterAWhile()
    {
        var waiting = Follow(Follow(null, V1, [Passing("a", "one")]), V2, [Passing("a", "one"), Passing("b", "two")]);
        Assert.Equal(T0 + Promotion.Patience, waiting.ChangesAt(T0));

        var still = Look(waiting, T0 + (Promotion.Patience / 2));
        Assert.Equal(["a"], InTraffic(still));
        Assert.Equal(["b"], InTraffic(Look(still, T0 + Promotion.Patience)));
    }

    [Fact]
    public void Follow_APromotionAwayFromUnhealthyInstances_WaitsForNoAnswer() =>
        Assert.Equal(["b"], InTraffic(Follow(
            Follow(null, V1, [Passing("a", "one")]), V2, [Passing("a", "one") with { Health = "critical" }, Passing("b", "two")])));

    [Fact]
    public void Follow_WhileAPromotionWaits_MaintenanceAndPauseAreObeyed()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one")];
        var told = V2 with { Document = V2.Document! with { Maintenance = new Maintenance(T0), Pause = new Pause(T0) } };

        var waiting = Follow(Follow(null, V1, instances), told, instances);

        Assert.Equal(["a"], InTraffic(waiting));
        Assert.Equal((V1.Index, told.Document!.Maintenance, told.Document.Pause), (waiting.Stored.Index, waiting.Stored.Document!.Maintenance, waiting.Stored.Document.Pause));
        Assert.Same(waiting, Follow(waiting, told, instances));
        Assert.Null(Follow(waiting, V2 with { Index = 3 }, instances).Stored.Document!.Maintenance);
    }

    [Fact]
    public void Follow_WhileAPromotionWaits_AFaultIsTold()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one")];
        var waiting = Follow(Follow(null, V1, instances), V2, instances);

        var faulty = Follow(waiting, V2 with { Fault = "not a service document" }, instances);

        Assert.Equal((V1.Index, "not a service document"), (faulty.Stored.Index, faulty.Stored.Fault));
        Assert.Equal(["a"], InTraffic(faulty));
        Assert.Null(Follow(faulty, V2, instances).Stored.Fault);
    }

    [Fact]
    public void Follow_ASplitsRelease_TakesItsShareWhenItAnswers()
    {
        var split = V1 with { Index = 2, Document = V1.Document! with { Split = new Split(Stored(1, "two").Document!.Active!, 50) } };
        var before = Found(Follow(null, V1, [Passing("a", "one")]), "a", FindingKind.Answers);

        var unanswered = Follow(before, split, [Passing("a", "one"), Passing("b", "two")]);
        Assert.Equal(["a"], InTraffic(unanswered));
        Assert.Equal((split.Index, 0), (unanswered.Stored.Index, unanswered.Split.Members.Length));

        var both = Found(unanswered, "b", FindingKind.Answers);
        Assert.Equal(["a", "b"], InTraffic(both));
        // Sick by the probes or by Consul's word, it leaves its share to the active one, if that is well.
        Assert.Equal(["a"], InTraffic(Found(both, "b", FindingKind.AnswersNotAnyMore)));
        Assert.Equal(["a"], InTraffic(Follow(both, split, [Passing("a", "one"), Passing("b", "two") with { Health = "critical" }])));
        // Where both are sick, each keeps what it has.
        Assert.Equal(["a", "b"], InTraffic(Found(Found(both, "a", FindingKind.AnswersNotAnyMore), "b", FindingKind.AnswersNotAnyMore)));
        Assert.Equal(["a", "b"], InTraffic(Follow(
            both, split, [Passing("a", "one") with { Health = "critical" }, Passing("b", "two") with { Health = "critical" }])));
    }

    // At a start nobody has answered yet, and so everybody is asked.
    [Fact]
    public void Follow_ASplitsReleaseThatWasThereAtTheStart_LeavesItsShareUntilItAnswers()
    {
        var split = V1 with { Document = V1.Document! with { Split = new Split(Stored(1, "two").Document!.Active!, 50) } };

        var first = Follow(null, split, [Passing("a", "one"), Passing("b", "two")]);
        Assert.Equal(["a", "b"], InTraffic(first));

        var answered = Found(first, "a", FindingKind.Answers);
        Assert.Equal(["a"], InTraffic(answered));
        Assert.Equal(["a", "b"], InTraffic(Found(answered, "b", FindingKind.Answers)));
    }

    [Fact]
    public void Follow_NoDrain_EndsTheRequestsAtTheNextLook()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one"), Passing("b", "two")];
        var atOnce = V2 with { Document = V2.Document! with { Traffic = new TrafficPolicy { Drain = TimeSpan.Zero } } };

        var left = Follow(Found(Follow(null, V1, instances), "b", FindingKind.Answers), atOnce, instances);

        Assert.Equal((T0, T0), (left.Members[0].DrainsUntil!.Value, left.ChangesAt(T0)!.Value));
        Assert.Null(Look(left, T0).Members[0].DrainsUntil);
    }

    // Those of tests, by a pass: whoever was never in the traffic does not leave it.
    [Fact]
    public void Follow_ACandidateThatIsCritical_KeepsItsRequestsUntilItsDrainAfterItIsGone()
    {
        var (a, b) = (Passing("a", "one"), Passing("b", "two"));
        var before = Follow(null, V1, [a, b]);
        before.Members[1].State.Enter();

        var critical = Follow(before, V1, [a, b with { Health = "critical" }]);
        Assert.Null(critical.Members[1].DrainsUntil);

        Assert.Equal(T0 + TrafficPolicy.DefaultDrain, Assert.Single(Follow(critical, V1, [a]).Gone).DrainsUntil);
    }

    [Fact]
    public void Removed_WithRequests_DrainsByItsPolicyUntilTheLastIsGone()
    {
        var stored = V1 with { Document = V1.Document! with { Traffic = new TrafficPolicy { Drain = TimeSpan.FromSeconds(7) }, Routes = [new Route(null, "/", StripPath: false)] } };
        var before = Follow(null, stored, [Passing("a", "one"), Passing("idle", "one")]);
        before.Traffic[0].State.Enter();

        var removed = before.Removed(new Moment(T0))!;
        Assert.Empty(removed.Traffic);
        Assert.Empty(removed.Stored.Document!.Routes);
        Assert.Equal(T0.AddSeconds(7), removed.Gone[0].DrainsUntil);
        Assert.Same(removed, removed.Removed(new Moment(T0)));

        var later = removed.Removed(At(T0.AddSeconds(1)))!;
        Assert.Equal("a", Assert.Single(later.Gone).Instance.Id);
        before.Traffic[0].State.Leave();
        Assert.Null(later.Removed(At(T0.AddSeconds(2))));
    }

    [Fact]
    public void Follow_APromotionWhoseInstancesAreNotKnown_IsAppliedWhenNothingServesAnyMore()
    {
        var after = Follow(Follow(null, V1, [Passing("a", "one")]), V2, []);

        Assert.Empty(after.Traffic);
        Assert.Equal(V2.Index, after.Stored.Index);
    }
}
