using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class LogChoiceTests
{
    private static readonly OwnContainer[] Containers =
    [
        Container("demo-v1-a-1", "c1", "d1aaaaaaaaaa"), Container("demo-v1-a-11", "c2", "d1aaaaaaaaaa"), Container("demo-v2-b-1", "e3", "d2bbbbbbbbbb"),
    ];

    private static readonly ServiceDocument Document = ServiceDocument.Create("demo", []) with { Active = new Release("d1aaaaaaaaaa", "v1", "i", default) };

    [Theory]
    [InlineData(null, "demo-v1-a-1 demo-v1-a-11")]
    [InlineData("d2", "demo-v2-b-1")]
    [InlineData("c2", "demo-v1-a-11")]
    [InlineData("demo-v1", "demo-v1-a-1 demo-v1-a-11")]
    [InlineData("demo-v1-a-1", "demo-v1-a-1")]
    public void Find_ABeginning_IsThatReleasesContainers(string? prefix, string names) =>
        Assert.Equal(names, string.Join(' ', LogChoice.Find("demo", prefix, Document, Containers).Select(container => container.Name)));

    [Theory]
    [InlineData(null, "demo-v1-a-1 demo-v1-a-11")]
    [InlineData("demo-v1-a-tests", "demo-v1-a-tests")]
    [InlineData("f4", "demo-v1-a-tests")]
    public void Find_TestsOfTheActiveRelease_OnlyIfTheyAreMeant(string? prefix, string names)
    {
        var tests = Container("demo-v1-a-tests", "f4", "d1aaaaaaaaaa") with { IsTests = true };

        Assert.Equal(names, string.Join(' ', LogChoice.Find("demo", prefix, Document, [.. Containers, tests]).Select(container => container.Name)));
    }

    [Theory]
    [InlineData("d", "'d' is more than one release of 'demo': give more of it. There is: demo-v1-a-1 (deployment d1aaaaaa), ")]
    [InlineData("", "no container of 'demo' begins with ''. There is: ")]
    [InlineData("x", "no container of 'demo' begins with 'x'. There is: ")]
    public void Find_NoneOrSeveral_SaysWhatThereIs(string prefix, string sentence) => AssertRefused(prefix, Document, Containers, sentence);

    [Fact]
    public void Find_NothingActiveOrNothingAtAll_SaysSo()
    {
        AssertRefused(null, null, Containers, "nothing of 'demo' is active: say whose. There is: ");
        AssertRefused(null, Document, [], "'demo' has no container here");
    }

    private static void AssertRefused(string? prefix, ServiceDocument? document, OwnContainer[] containers, string sentence)
    {
        var refused = Assert.Throws<DeliveryException>(() => LogChoice.Find("demo", prefix, document, containers));
        Assert.Equal(ExitCode.WrongInput, refused.Code);
        Assert.StartsWith(sentence, refused.Message, StringComparison.Ordinal);
    }

    private static OwnContainer Container(string name, string id, string deployment) => new("docker", id, name, deployment, "", Running: true, ByHand: false);
}
