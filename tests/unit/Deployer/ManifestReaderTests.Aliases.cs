using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed partial class ManifestReaderTests
{
    [Fact]
    public void Read_Aliases_AreWhatTheyName()
    {
        var manifest = Valid("""
            name: &name demo
            image: *name
            port: 80
            routes: [{path: /}, {host: &host demo.example.org}, {path: /a, host: *host}]
            environment: &variables {NAME: *name, LAST: x}
            tests: [{name: a, image: *name, environment: *variables}, {name: b, image: *name}]
            """);

        Assert.Equal("demo", manifest.Image.Repository);
        Assert.Equal("demo.example.org", manifest.Routes[2].Host);
        Assert.Equal(new Dictionary<string, string> { ["NAME"] = "demo", ["LAST"] = "x" }, manifest.Environment);
        Assert.Equal(["demo", "demo"], manifest.Tests.Select(suite => suite.Image.Repository));
        Assert.Equal(manifest.Environment, manifest.Tests[0].Environment);
    }

    [Fact]
    public void Read_AliasesBeforeKeysThatAreGivenAgain_AreNodesLikeOthers() => AssertErrors(
        """
        name: &name demo
        image: *name
        port: 80
        routes:
          - &route {path: /a}
          - *route
        environment: &variables
          A: *name
          B: *name
          A: "2"
        tests: {image: demo, environment: *variables, image: *name}
        port: *name
        """,
        "5: routes[1].path: '/a' is already a route of this service",
        "10: 'A' is on line 8 already: which of both?",
        "11: 'image' is on line 11 already: which of both?",
        "12: 'port' is on line 3 already: which of both?");
}
