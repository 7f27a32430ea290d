using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class CandidateChoiceTests
{
    private static readonly (Instance Instance, string Container)[] Known =
    [
        Entry("h1:demo-a:8080", "aaa111", "c0ffee"),
        Entry("h1:demo-b:8080", "aaa111", "c1dead"),
        Entry("h1:hand:8080", "beef99", "beef99"),
        Entry("h1:live:8080", "live55", "d00d00"),
        Entry("h1:old:8080", "oldoldold", "ee0000"),
    ];

    private static readonly ServiceDocument Document = ServiceDocument.Create("demo", []) with
    {
        Active = new Release("live55", "v1", "x", DateTimeOffset.UnixEpoch),
        Retired = [new RetiredRelease("oldoldold", "v0", "x", DateTimeOffset.UnixEpoch)],
    };

    // Of three replicas that there were, so many still run, and the last may be about to be stopped; what a scale took out is gone.
    [Theory]
    [InlineData(2, true, 1, false, true)]
    [InlineData(2, true, 3, true, true)]
    [InlineData(3, true, 1, false, false)]
    [InlineData(1, false, 1, false, false)]
    [InlineData(1, true, 3, false, false)]
    public void Unfinished_APartOfARollingDelivery_IsRefused(int replicas, bool left, int running, bool leaves, bool refused)
    {
        var release = new Release("beef99", "v2", "x", DateTimeOffset.UnixEpoch);
        var document = Document with { Split = new Split(release, 66.67), Leaving = left ? ["h1:live:8080"] : null };
        OwnContainer[] containers =
        [
            .. Enumerable.Range(1, 3).Select(number => Container(Document.Active!, number, running: number <= running)),
            .. Enumerable.Range(1, replicas).Select(number => Container(release, number)),
            // Of one that could not be made to run.
            Container(release, 9, running: false),
        ];

        (Instance, string)[] known = [Entry("h1:live:8080", "live55", leaves ? "v1-3" : "gone"), Entry("h1:demo-2:8080", "live55", "v1-2")];

        var sentence = CandidateChoice.Unfinished(document, release, containers, known);

        Assert.Equal(
            refused
                ? "demo v2 has 2 of the 3 replicas of v1, for its rolling delivery, or a scale of v1, was not finished: run 'deployer deploy' again, which replaces both, or 'deployer abort demo', which returns to v1; if it was a scale, 'deployer scale demo <n>' finishes it"
                : null,
            sentence);
        Assert.Null(CandidateChoice.Unfinished(document, release with { Deployment = "another" }, containers, known));
    }

    // Of the split's release there is no container any more.
    [Theory]
    [InlineData("gone", "", true)]
    [InlineData("go", "", true)]
    [InlineData("gone42x", "", false)]
    [InlineData("", "", false)]
    [InlineData("aaa", "", false)]
    [InlineData("go", "gone42", false)]
    [InlineData("go", "good11", false)]
    public void IsGoneOfSplit_ByTheBeginningOfItsId_IsMeantWhereNothingElseBeginsSo(string prefix, string other, bool meant)
    {
        var document = Document with { Split = new Split(new Release("gone42", "v2", "x", DateTimeOffset.UnixEpoch), 10) };

        Assert.Equal(meant, CandidateChoice.IsGoneOfSplit(prefix, document, [.. Known, Entry("h1:other:8080", other, "abc")]));
        Assert.False(CandidateChoice.IsGoneOfSplit(prefix, Document, Known));
    }

    [Theory]
    [InlineData("aaa", 2)]
    [InlineData("c0f", 2)]
    [InlineData("c", 2)]
    [InlineData("h1:demo-b", 2)]
    [InlineData("beef", 1)]
    public void Find_ByTheBeginningOfAnyId_IsTheWholeDeployment(string prefix, int instances) =>
        Assert.Equal(instances, CandidateChoice.Find("demo", prefix, Document, Known).Count);

    [Theory]
    [InlineData("zzz", "nothing of demo begins with 'zzz'. " + Candidates)]
    [InlineData("h1:", "'h1:' is the beginning of 4 deployments. " + Candidates)]
    [InlineData("live", "deployment live55 of demo is active already. " + Candidates)]
    [InlineData("old", "deployment oldoldol of demo was active before: use 'deployer rollback demo'")]
    [InlineData("", "nothing of demo begins with ''. " + Candidates)]
    public void Find_NotOneCandidate_SaysWhatThereIs(string prefix, string sentence)
    {
        var refusal = Assert.Throws<DeliveryException>(() => CandidateChoice.Find("demo", prefix, Document, Known));
        Assert.Equal((ExitCode.WrongInput, sentence), (refusal.Code, refusal.Message));
    }

    private const string Candidates =
        "The candidates are: h1:demo-a:8080 (deployment aaa111, passing), h1:demo-b:8080 (deployment aaa111, passing), "
        + "h1:hand:8080 (deployment beef99, passing).";

    private static (Instance Instance, string Container) Entry(string id, string deployment, string container) =>
        (new Instance(id, "n", "demo", "10.0.0.9", 1, deployment, "", "passing"), container);

    private static OwnContainer Container(Release release, int number, bool running = true) =>
        new("prod", $"{release.Version}-{number}", $"demo-{release.Version}-{number}", release.Deployment, release.Version, running, ByHand: false);
}
