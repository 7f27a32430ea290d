using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Hosts;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer.Hosts;

public sealed class HostsReaderTests
{
    [Fact]
    public void Read_AWholeFile_GivesTheHostsInItsOrder()
    {
        var (hosts, errors) = Read("""
            hosts:
              prod: {docker: "tcp://prod", publish: 10.0.0.1, certificates: /etc/mesh/prod}
              a2: {docker: "${SOCKET:-unix:///run/docker.sock}"}
              far: {docker: "ssh://deploy@far:2222"}
            tests: {docker: "unix:///var/run/docker.sock"}
            """);

        Assert.Empty(errors);
        Assert.Equal(
            [
                new DockerHost("prod", new Uri("tcp://prod:2376"), "10.0.0.1", "/etc/mesh/prod"),
                new DockerHost("a2", new Uri("unix:///run/docker.sock"), "0.0.0.0"),
                new DockerHost("far", new Uri("ssh://deploy@far:2222"), "0.0.0.0"),
            ],
            hosts!.Production);
        Assert.Equal(new Uri("unix:///var/run/docker.sock"), hosts.Tests.Address);
    }

    [Fact]
    public void Read_WithoutTests_TheyRunWhereTheDeployerDoes() =>
        Assert.Null(Read("hosts: {prod: {docker: \"tcp://prod\"}}").Hosts!.Tests.Address);

    [Theory]
    [InlineData("", 1, "the file of hosts must be one mapping of hosts, tests")]
    [InlineData("tests: {docker: unix:///x}", 1, "hosts is missing")]
    [InlineData("hosts: {}", 1, "hosts: must be a mapping of names to hosts with one at least")]
    [InlineData("hosts:\n  prod: {}", 2, "hosts.prod.docker is missing: where its Docker Engine is")]
    [InlineData("hosts:\n  prod: {docker: ftp://x}", 2, "'ftp://x' must be one of unix:///")]
    [InlineData("hosts:\n  prod: {docker: tcp://me:secret@x}", 2, "an address has no password, and a user only for ssh")]
    [InlineData("hosts:\n  prod: {docker: tcp://x, publish: here}", 2, "'here' is no IP address")]
    [InlineData("hosts:\n  prod: {dokcer: tcp://x, docker: tcp://x}", 2, "unknown key 'hosts.prod.dokcer'; did you mean 'docker'?")]
    [InlineData("hosts:\n  Prod: {docker: tcp://x}", 2, "'Prod' is no host name")]
    public void Read_WhatIsWrong_IsToldByLine(string text, int line, string message)
    {
        var (hosts, errors) = Read(text);

        Assert.Null(hosts);
        var error = Assert.Single(errors);
        Assert.Equal(line, error.Line);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret@", error.Message.Replace("me:secret@x'", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1, "1")]
    [InlineData(3, 1, "1 2 3")]
    [InlineData(1, 3, "1||")]
    [InlineData(5, 2, "1 3 5|2 4")]
    [InlineData(6, 3, "1 4|2 5|3 6")]
    public void Spread_Replicas_AsEvenlyAsTheyCanBe(int replicas, int hosts, string expected) =>
        Assert.Equal(expected, string.Join('|', Placement.Spread(replicas, hosts).Select(numbers => string.Join(' ', numbers))));

    [Fact]
    public void Choose_NoNames_AllHosts() => Assert.Equal(3, Placement.Choose(Three, []).Count);

    [Fact]
    public void Choose_Names_InTheOrderOfTheFile() =>
        Assert.Equal(["a", "prod-c"], Placement.Choose(Three, ["prod-c", "a"]).Select(host => host.Name));

    [Fact]
    public void Choose_UnknownNames_NamesAllAndTheNearest()
    {
        var error = Assert.Throws<DeliveryException>(() => Placement.Choose(Three, ["prodc", "a", "elsewhere"]));

        Assert.Equal(ExitCode.WrongInput, error.Code);
        Assert.Equal("host 'prodc' of the manifest is not in the file of hosts (--hosts or MESH_HOSTS): did you mean 'prod-c'?\n"
            + "host 'elsewhere' of the manifest is not in the file of hosts (--hosts or MESH_HOSTS): there are a, b, prod-c", error.Message);
    }

    private static readonly DockerHost[] Three = [Host("a"), Host("b"), Host("prod-c")];

    private static DockerHost Host(string name) => new(name, new Uri($"tcp://{name}:2376"), "0.0.0.0");

    private static (HostList? Hosts, IReadOnlyList<ServiceMesh.Deployer.Manifest.ManifestError> Errors) Read(string text) =>
        HostsReader.Read(text, "0.0.0.0", _ => null);
}
