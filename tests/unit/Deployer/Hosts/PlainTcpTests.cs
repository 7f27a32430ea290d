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
    private readonly LocalServer one = Engine();
    private readonly LocalServer other = Engine();
    private readonly LocalServer tests = Engine();

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

    // It says its version, and knows one image.
    private static LocalServer Engine() =>
        new(_ => """{"ApiVersion":"1.41","Version":"20.10.0","Id":"sha256:0","Config":{"ExposedPorts":{"8080/tcp":{}}}}""");

    private static DockerHost Host(string name, LocalServer engine) => new(name, engine.Address("tcp"), "0.0.0.0");

    private static IEnumerable<string> Warnings(params LocalServer[] engines) =>
        engines.Select(engine => $"warning: Docker at {engine.Address("tcp")} is reached without TLS: whoever is in between owns that host").Order(StringComparer.Ordinal);
}
