using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class NamesTests
{
    [Theory]
    [InlineData("demo", true)]
    [InlineData("a", true)]
    [InlineData("0-9", true)]
    [InlineData("", false)]
    [InlineData("Demo", false)]
    [InlineData("-demo", false)]
    [InlineData("demo-", false)]
    [InlineData("de_mo", false)]
    [InlineData("de.mo", false)]
    [InlineData("demo\n", false)]
    [InlineData(null, false)]
    public void IsValid_EachName_FollowsRfc1123(string? name, bool valid) => Assert.Equal(valid, ServiceName.IsValid(name));

    [Theory]
    [InlineData(63, true)]
    [InlineData(64, false)]
    public void IsValid_LongNames_EndAt63(int length, bool valid) => Assert.Equal(valid, ServiceName.IsValid(new string('a', length)));

    [Fact]
    public void New_ManyIds_AreAllDifferentAndWellFormed()
    {
        var ids = Enumerable.Range(0, 1000).Select(_ => DeploymentId.New()).ToHashSet();

        Assert.Equal(1000, ids.Count);
        Assert.All(ids, id => Assert.Matches("^[a-z2-7]{26}$", id));
    }

    [Theory]
    [InlineData("/demo", null)]
    [InlineData("/", null)]
    [InlineData("/a/b", null)]
    [InlineData("/services-old", null)]
    [InlineData("demo", "route path 'demo' must begin with '/'")]
    [InlineData("", "route path '' must begin with '/'")]
    [InlineData("/demo/", "route path '/demo/' must not end with '/': it is a prefix of whole segments")]
    [InlineData("/a//b", "route path '/a//b' must be a plain path, without '//', '?', '#', '%', '\\' or spaces")]
    [InlineData("/a?b", "route path '/a?b' must be a plain path, without '//', '?', '#', '%', '\\' or spaces")]
    [InlineData("/a/../b", "route path '/a/../b' must not have '.' or '..' among its segments")]
    [InlineData("/services", "route path '/services' is taken: the proxy answers /services itself")]
    [InlineData("/Services/x", "route path '/Services/x' is taken: the proxy answers /services itself")]
    public void Faults_EachPath_IsJudged(string path, string? fault) =>
        Assert.Equal(fault, new Route(Host: null, path, StripPath: true).Faults().FirstOrDefault());

    [Theory]
    [InlineData("shop.example", true)]
    [InlineData("Shop.example", false)]
    [InlineData("shop.example:80", false)]
    [InlineData("*.shop.example", true)]
    [InlineData("*.example", true)]
    [InlineData("*.", false)]
    [InlineData("*", false)]
    [InlineData("*shop.example", false)]
    [InlineData("a.*.example", false)]
    [InlineData("*.*.example", false)]
    [InlineData("", false)]
    public void Faults_EachHost_IsJudged(string host, bool valid) =>
        Assert.Equal(valid, !new Route(host, "/", StripPath: false).Faults().Any());
}
