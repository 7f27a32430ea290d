using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Output;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer.Hosts;

/// <summary>Engines that are reached without TLS, because somebody said <c>--insecure</c>.</summary>
public sealed class PlainTcpTests : IDisposable
{
    private readonly LocalServer one = Engine("one");
    private readonly LocalServer other = Engine("other");
    private readonly LocalServer tests = Engine("tests");

    public void Dispose()
    {
        one.Dispose();
        other.Dispose();
        tests.Dispose();
    }

    [Fact]
    public async Task Mesh_HostsOverPlainTcp_WarnsOfEachOnce()
    {
        var ct = TestContext.Current.CancellationToken;
        var log = new StringWriter();
        var narrator = new PlainNarrator(log, new FakeTimeProvider());
        var hosts = new HostList([Host("one", one), Host("other", other)], Host("tests", tests));
        using var mesh = new Mesh(new DeliverySettings(null, hosts, "mesh", "proxy") { Insecure = true }, TimeProvider.System) { Warn = narrator.Warn };

        await mesh.HostsAsync([], ct);
        Assert.Equal(Warnings(one, other), log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
        await mesh.TestsHostAsync(ct);
        await mesh.HostsAsync([], ct);
        await mesh.TestsHostAsync(ct);

        Assert.Equal(Warnings(one, other, tests), log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Init_OverPlainTcp_IsWarnedOf()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.yaml");
        var output = new StringWriter();

        var code = await CommandLine.InvokeAsync(
            ["init", "demo:v1", "--file", path, "--docker", one.Address("tcp").ToString(), "--insecure"], output, output, TestContext.Current.CancellationToken);
        File.Delete(path);

        Assert.Equal(0, code);
        Assert.StartsWith(Assert.Single(Warnings(one)), output.ToString(), StringComparison.Ordinal);
    }

    // The same id, for it was copied with its machine, under another name.
    [Theory]
    [InlineData("one", false)]
    [InlineData("other", true)]
    public async Task Hosts_TwoNamesForOneEngine_AreRefused(string machine, bool accepted)
    {
        using var twin = Engine(machine);
        var hosts = new HostList([Host("prod", one), Host("prod2", twin)], Host("tests", one));
        using var mesh = new Mesh(new DeliverySettings(null, hosts, "mesh", "proxy") { Insecure = true }, TimeProvider.System);

        var refused = await Record.ExceptionAsync(() => mesh.HostsAsync([], TestContext.Current.CancellationToken));

        Assert.Equal(
            accepted ? null : (ExitCode.WrongInput, "hosts prod and prod2 are one Docker Engine (sha256:0 on one), whose containers would count twice, and nothing was changed: name it once in the file of hosts. "
                + "If one is a copy of the other machine, give it a host name of its own."),
            refused is DeliveryException error ? (error.Code, error.Message) : ((ExitCode, string)?)null);
    }

    // It says its version and its name, and knows one image.
    private static LocalServer Engine(string name) =>
        new(_ => """{"ApiVersion":"1.41","Version":"20.10.0","Name":"NAME","ID":"sha256:0","Config":{"ExposedPorts":{"8080/tcp":{}}}}""".Replace("NAME", name, StringComparison.Ordinal));

    private static DockerHost Host(string name, LocalServer engine) => new(name, engine.Address("tcp"), "0.0.0.0");

    private static IEnumerable<string> Warnings(params LocalServer[] engines) =>
        engines.Select(engine => $"warning: Docker at {engine.Address("tcp")} is reached without TLS: whoever is in between owns that host").Order(StringComparer.Ordinal);
}
