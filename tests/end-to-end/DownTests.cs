using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

/// <summary>Runs beside the shared mesh, with a second one of its own.</summary>
[Collection(nameof(SharedMesh))]
public sealed class DownTests(Mesh mesh)
{
    private static readonly IReadOnlyDictionary<string, string> Second = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["MESH_NAME"] = "mesh-second",
        ["MESH_PROXY_PORT"] = "28000",
        ["MESH_CONSUL_PORT"] = "28500",
        ["MESH_REGISTRY_PORT"] = "25000",
    };

    [Fact]
    public async Task Down_OfOneMesh_LeavesNothingOfItAndAllElse()
    {
        await mesh.EnsureActiveAsync("v1");
        var before = await EverythingAsync();
        await Mesh.Succeed(RunAsync("up"));
        Assert.NotEqual(before, await EverythingAsync());

        await Mesh.Succeed(RunAsync("down"));

        Assert.Equal(before, await EverythingAsync());
        await Mesh.Succeed(RunAsync("down"));
    }

    private static Task<CommandResult> RunAsync(string verb) =>
        Command.RunAsync(Path.Combine(Mesh.Root, "mesh"), Second, TimeSpan.FromMinutes(5), verb);

    private static async Task<string> EverythingAsync() => string.Join("\n---\n", [
        await Mesh.DockerAsync("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}"),
        await Mesh.DockerAsync("network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"),
        await Mesh.DockerAsync("volume", "ls", "--format", "{{.Name}}")]);
}
