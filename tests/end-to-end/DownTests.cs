using ServiceMesh.Tests.Integration;
using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

/// <summary>Runs beside the shared mesh, with a second one of its own.</summary>
[Collection(nameof(SharedMesh))]
public sealed class DownTests(Mesh mesh) : IAsyncLifetime
{
    private static readonly IReadOnlyDictionary<string, string> Second = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["MESH_NAME"] = "mesh-second",
        ["MESH_PROXY_PORT"] = "28000",
        ["MESH_CONSUL_PORT"] = "28500",
        ["MESH_REGISTRY_PORT"] = "25000",
    };

    // Of all that tests leave on Docker if they are killed.
    private const string Label = "mesh.test=true";

    private readonly AsyncDisposables started = new();

    // The user's own things, as near in name as they can be.
    private readonly string bystander = $"mesh-second-{Guid.NewGuid():N}";

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        await Mesh.DockerAsync("network", "create", "--label", Label, bystander);
        started.Add(() => Mesh.DockerAsync("network", "rm", bystander));
        await Mesh.DockerAsync("volume", "create", "--label", Label, bystander);
        started.Add(() => Mesh.DockerAsync("volume", "rm", bystander));
        started.Add(() => Mesh.DockerAsync("rm", "--force", "--volumes", bystander));
        await Mesh.DockerAsync("run", "--detach", "--name", bystander, "--label", Label, "--network", bystander, "--volume", $"{bystander}:/data", "registry:2");
        started.Add(() => RunAsync("down"));
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Down_OfOneMesh_LeavesNothingOfItAndAllElse()
    {
        await mesh.EnsureActiveAsync("v1");
        var others = await OthersAsync();
        await Mesh.Succeed(RunAsync("up"));
        Assert.Equal(7, (await ThingsAsync("label=mesh.environment=mesh-second")).Length);

        await Mesh.Succeed(RunAsync("down"));

        Assert.Empty(await ThingsAsync("label=mesh.environment=mesh-second"));
        Assert.Equal(others, await OthersAsync());
    }

    [Fact]
    public async Task Down_WhereNothingIs_SaysSo()
    {
        var down = await RunAsync("down");

        Assert.True(down.ExitCode == 0, down.Output);
        Assert.Contains("Nothing to remove", down.Output, StringComparison.Ordinal);
    }

    private static Task<CommandResult> RunAsync(string verb) =>
        Command.RunAsync(Path.Combine(Mesh.Root, "mesh"), Second, TimeSpan.FromMinutes(5), verb);

    private async Task<string[]> OthersAsync() =>
        [.. await ThingsAsync($"name={bystander}"), .. await ThingsAsync($"label=mesh.environment={Mesh.Settings["MESH_NAME"]}")];

    private static async Task<string[]> ThingsAsync(string filter)
    {
        string[] things =
        [
            await Mesh.DockerAsync("ps", "--all", "--no-trunc", "--filter", filter, "--format", "{{.ID}} {{.State}}"),
            await Mesh.DockerAsync("network", "ls", "--no-trunc", "--filter", filter, "--format", "{{.ID}}"),
            await Mesh.DockerAsync("volume", "ls", "--filter", filter, "--format", "{{.Name}}"),
        ];
        return [.. things.SelectMany(lines => lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))];
    }
}
