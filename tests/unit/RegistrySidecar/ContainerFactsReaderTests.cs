using Docker.DotNet.Models;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class ContainerFactsReaderTests
{
    [Fact]
    public void Read_BareAnswer_IsNotRunningAndHasNothing()
    {
        var facts = ContainerFactsReader.Read(new ContainerInspectResponse { ID = "1", Name = "/web" });

        Assert.Equal("web", facts.Name);
        Assert.False(facts.IsRunning);
        Assert.Empty(facts.Bindings);
    }

    [Theory]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    [InlineData(false, false, false)]
    public void Read_State_RestartingIsNotRunning(bool running, bool restarting, bool expected) =>
        Assert.Equal(expected, ContainerFactsReader.Read(new ContainerInspectResponse { State = new State { Running = running, Restarting = restarting } }).IsRunning);

    [Theory]
    [InlineData("repo@sha256:aa", "sha256:aa")]
    [InlineData("repo:1", "sha256:id")]
    public void Read_Image_DigestIsTheRepositorysWhereGiven(string image, string digest) =>
        Assert.Equal(digest, ContainerFactsReader.Read(new ContainerInspectResponse { Image = "sha256:id", Config = new ContainerConfig { Image = image } }).ImageDigest);

    [Fact]
    public void Read_Ports_KeepsThoseThatCanBeReached()
    {
        var facts = ContainerFactsReader.Read(new ContainerInspectResponse
        {
            NetworkSettings = new NetworkSettings
            {
                Ports = new Dictionary<string, IList<PortBinding>>
                {
                    ["80/tcp"] = [new PortBinding { HostIP = "0.0.0.0", HostPort = "8080" }],
                    ["81/tcp"] = null!,
                    ["82/tcp"] = [new PortBinding { HostIP = "", HostPort = "0" }],
                    ["x/tcp"] = [new PortBinding { HostPort = "1" }],
                },
                Networks = new Dictionary<string, EndpointSettings> { ["a"] = new() { IPAddress = "10.0.0.1" }, ["b"] = new(), ["c"] = new() { GlobalIPv6Address = "fd00::1" } },
            },
        });

        Assert.Equal(8080, Assert.Single(facts.Bindings[new ContainerPort(80, "tcp")]).Port);
        Assert.Empty(facts.Bindings[new ContainerPort(81, "tcp")]);
        Assert.Empty(facts.Bindings[new ContainerPort(82, "tcp")]);
        Assert.Equal(3, facts.Bindings.Count);
        Assert.Equal(["10.0.0.1", "fd00::1"], facts.Networks.Values);
    }

    [Fact]
    public void Read_Healthcheck_TakesItsLastLineShortAndClean()
    {
        var facts = Inspected("unhealthy", "first", "curl: (7)\u0007 refused\r\n" + new string('x', 100_000) + "\n\n");

        Assert.Equal(HealthState.Unhealthy, facts.Health!.State);
        Assert.Equal(new string('x', 500) + "…", facts.Health.Output);
        Assert.Equal("a?b", Inspected("healthy", "a\u001bb\n").Health!.Output);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("none")]
    public void Read_NoHealthcheck_HasNoHealth(string? status) => Assert.Null(Inspected(status).Health);

    [Theory]
    [InlineData(null, 0)]
    [InlineData(0, 0)]
    [InlineData(45, 45)]
    [InlineData(-1, 86400)]
    [InlineData(86401, 86400)]
    public void Read_StopTimeout_IsDockersAndNeverForEver(int? seconds, int expected) =>
        Assert.Equal(TimeSpan.FromSeconds(expected), ContainerFactsReader.Read(new ContainerInspectResponse
        {
            Config = new ContainerConfig { StopTimeout = seconds is { } given ? TimeSpan.FromSeconds(given) : null },
        }).StopTimeout);

    private static ContainerFacts Inspected(string? health, params string[] outputs) => ContainerFactsReader.Read(new ContainerInspectResponse
    {
        State = new State { Health = new Health { Status = health!, Log = [.. outputs.Select(output => new HealthcheckResult { Output = output })] } },
    });
}
