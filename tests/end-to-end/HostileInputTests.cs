using System.Text;
using Consul;
using ServiceMesh.Tests.Integration;
using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

[Collection(nameof(SharedMesh))]
public sealed class HostileInputTests(Mesh mesh)
{
    [Fact]
    public async Task HostileDocuments_InKV_StopNeitherProxyNorSidecar()
    {
        await mesh.EnsureActiveAsync("v1");
        Dictionary<string, byte[]> hostile = new(StringComparer.Ordinal)
        {
            ["no-json"] = "hello"u8.ToArray(),
            ["wrong-types"] = """{"schema":"1","service":7,"routes":"all"}"""u8.ToArray(),
            ["huge"] = Encoding.UTF8.GetBytes(new string('x', 500 * 1024)),
            ["thief"] = """{"schema":1,"service":"demo","routes":[{"host":null,"path":"/demo","stripPath":true}]}"""u8.ToArray(),
        };
        try
        {
            foreach (var (service, document) in hostile)
                await mesh.Consul.KV.Put(new KVPair($"mesh/services/{service}") { Value = document }, TestContext.Current.CancellationToken);

            foreach (var service in hostile.Keys)
            {
                await Mesh.EventuallyAsync($"the fault of {service} is told", async () =>
                    (await mesh.ServiceAsync(service)).GetProperty("fault").GetString() is { Length: > 0 });
            }

            using var answer = await mesh.GetAsync("/demo/1");
            Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}");
            await Mesh.Succeed(Mesh.DeployAsync("v2"));
        }
        finally
        {
            foreach (var service in hostile.Keys)
                await mesh.Consul.KV.Delete($"mesh/services/{service}", CancellationToken.None);
        }
    }

    [Fact]
    public async Task Deploy_AnInvalidManifest_ListsEveryErrorWithItsLine()
    {
        await using var ends = new AsyncDisposables();
        var manifest = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".yaml");
        ends.Add(() => File.Delete(manifest));
        await File.WriteAllTextAsync(manifest, "name: De_mo\nimage: localhost:15000/demo\nport: 70000\nroute: /x\n", TestContext.Current.CancellationToken);

        var deployed = await Mesh.DeployerAsync("deploy", manifest, "--version", "v1");

        Assert.True(deployed.ExitCode == 1, deployed.Output);
        Assert.All(["De_mo", "70000", "route", ":1", ":3", ":4"], expected => Assert.Contains(expected, deployed.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Deploy_AVersionThatIsNotInTheRegistry_NamesTheImage()
    {
        var deployed = await Mesh.DeployAsync("v99");

        Assert.True(deployed.ExitCode == 1, deployed.Output);
        Assert.Contains("localhost:15000/demo:v99", deployed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_WithATakenPort_SaysWhichAndHowToChooseAnother()
    {
        var settings = new Dictionary<string, string>(Mesh.Settings, StringComparer.Ordinal) { ["MESH_NAME"] = "mesh-second" };

        var up = await Command.RunAsync(Path.Combine(Mesh.Root, "mesh"), settings, TimeSpan.FromMinutes(2), "up");

        Assert.True(up.ExitCode == 1, up.Output);
        Assert.Contains("18000", up.Output, StringComparison.Ordinal);
        Assert.Contains("MESH_PROXY_PORT", up.Output, StringComparison.Ordinal);
        Assert.Empty(await Mesh.DockerAsync("ps", "--all", "--quiet", "--filter", "label=mesh.environment=mesh-second"));
    }
}
