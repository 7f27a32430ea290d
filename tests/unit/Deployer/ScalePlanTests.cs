using System.Globalization;
using Docker.DotNet.Models;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ScalePlanTests
{
    private static readonly Release Release = new("k3vabcdefghijklmnopqrstuv2", "v2", "demo@sha256:2", default);

    [Theory]
    // What runs where (x: stopped, l: leaving, h: started by hand), how many are wanted, what starts, what goes.
    [InlineData("a1", 3, "a2 a3", "")]
    [InlineData("a1 b2", 5, "a3 b4 a5", "")]
    [InlineData("a1 b2 a3", 1, "", "a3 b2")]
    [InlineData("a1 a2 a3 b4", 2, "", "a3 a2")]
    [InlineData("a1 a2", 2, "", "")]
    [InlineData("a1 a2x a3l", 2, "a4", "a2x a3l")]
    [InlineData("a1h a2", 1, "", "a2")]
    [InlineData("a1h", 1, "", "")]
    [InlineData("", 2, "", "")]
    public void Of_ContainersOnTheirHosts_KeepsThemEven(string there, int replicas, string start, string leave)
    {
        var containers = there.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Container).ToArray();

        var plan = ScalePlan.Of(Release, replicas, [.. containers, Container("a9") with { Deployment = "another" }], container => container.Version == "l");

        Assert.Equal(start, string.Join(' ', plan.Start.Select(made => $"{made.Host}{made.Number}")));
        Assert.Equal(leave, string.Join(' ', plan.Leave.Select(container => container.Id)));
    }

    [Fact]
    public void Like_AContainer_IsTheSameUnderAnotherNameAndPort()
    {
        var pattern = new ContainerInspectResponse
        {
            Config = new ContainerConfig
            {
                Hostname = "0123456789ab",
                Env = ["A=1"],
                Cmd = ["serve"],
                Image = "demo:v2",
                Labels = new Dictionary<string, string> { ["SERVICE_8080_NAME"] = "demo" },
                ExposedPorts = new Dictionary<string, EmptyStruct> { ["8080/tcp"] = default },
            },
            HostConfig = new HostConfig
            {
                Memory = 1024,
                PortBindings = new Dictionary<string, IList<PortBinding>> { ["8080/tcp"] = [new PortBinding { HostIP = "10.0.0.1", HostPort = "8080" }] },
            },
        };

        var made = CandidateSpec.Like(pattern, "demo", Release, 4, "blue", "10.0.0.2");

        Assert.Equal(("demo-v2-k3vabcde-4", "demo@sha256:2", "", 1024), (made.Name, made.Image, made.Hostname, made.HostConfig!.Memory));
        Assert.Equal(["A=1"], made.Env);
        Assert.Equal(["serve"], made.Cmd);
        Assert.Equal(("10.0.0.2", ""), (made.HostConfig!.PortBindings!["8080/tcp"][0].HostIP, made.HostConfig!.PortBindings!["8080/tcp"][0].HostPort));
        Assert.Equal(("demo", Release.Deployment, "blue"), (made.Labels["SERVICE_8080_NAME"], made.Labels["mesh.deployment"], made.Labels["mesh.environment"]));
    }

    [Fact]
    public void Like_AVersionThatIsNoTag_HasANameThatDockerTakes() => Assert.Equal(
        "demo-1.0-build7-x-k3vabcde-2",
        CandidateSpec.Like(new ContainerInspectResponse(), "demo", Release with { Version = "1.0+build7/x" }, 2, "blue", "10.0.0.2").Name);

    private static OwnContainer Container(string text) => new(
        text[..1],
        text,
        $"demo-v2-k3vabcde-{text[1].ToString(CultureInfo.InvariantCulture)}",
        Release.Deployment,
        text.EndsWith('l') ? "l" : "v2",
        Running: !text.EndsWith('x'),
        ByHand: text.EndsWith('h'));
}
