using System.Text.Json;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class PlanTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Plan_ThenItsDeploy_ThenTheSameOnceMore_DoesItAndRefuses()
    {
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        var index = (await deployer.Store.ReadAsync(deployer.Service, TestContext.Current.CancellationToken))!.Index;

        var planned = await deployer.DeployAsync("v2", verb: "plan");
        Assert.True(planned.Code == ExitCode.Done, planned.Output);
        Assert.Contains($"stopped, kept for a rollback", planned.Output, StringComparison.Ordinal);
        Assert.Contains($"--version v2 --consul {host.ConsulAddress} ", planned.Output, StringComparison.Ordinal);
        Assert.Matches($" --check-digest sha256:[0-9a-f]{{64}} --check-index {index}$", planned.Output.TrimEnd());
        Assert.Equal("v1", Assert.Single(await host.ContainersAsync(deployer.Service)).Labels["mesh.version"]);

        var done = await deployer.DeployAsync("v2", args: ["--check-index", $"{index}"]);
        Assert.True(done.Code == ExitCode.Done, done.Output);
        var late = await deployer.DeployAsync("v3", args: ["--check-index", $"{index}"]);
        Assert.Equal(ExitCode.WrongInput, late.Code);
        Assert.Contains($"{deployer.Service} was changed since the plan: its document is at index ", late.Output, StringComparison.Ordinal);
        Assert.Equal("v2", (await deployer.DocumentAsync())!.Active!.Version);
    }

    [Fact]
    public async Task Deploy_TheTagWasMovedSinceThePlan_IsRefused()
    {
        var planned = await deployer.DeployAsync("v1", verb: "plan", args: ["--json"]);
        Assert.True(planned.Code == ExitCode.Done, planned.Output);
        using var report = JsonDocument.Parse(planned.Stdout);
        var digest = report.RootElement.GetProperty("plan").GetProperty("image").GetString()!.Split('@')[1];

        // Another image by the same tag is like another tag with the same digest.
        var moved = await deployer.DeployAsync("v2", args: ["--check-digest", digest]);

        Assert.True(moved.Code == ExitCode.WrongInput, moved.Output);
        Assert.Contains($"{host.Registry}/app:v2 is another image than in the plan: its tag is sha256:", moved.Output, StringComparison.Ordinal);
        Assert.Contains($" now, not {digest}. Plan again.", moved.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
        var done = await deployer.DeployAsync("v1", args: ["--check-digest", digest]);
        Assert.True(done.Code == ExitCode.Done, done.Output);
    }

    [Fact]
    public async Task Plan_Json_HasTheWholeDigestAndTheCommand()
    {
        var ended = await deployer.DeployAsync("v1", verb: "plan", args: ["--json"]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        using var report = JsonDocument.Parse(ended.Stdout);
        var image = report.RootElement.GetProperty("plan").GetProperty("changes")[1];
        Assert.StartsWith($"{host.Registry}/app@sha256:", image.GetProperty("then").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, image.GetProperty("now").ValueKind);
        Assert.EndsWith(" --check-index 0", report.RootElement.GetProperty("command").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("--json", report.RootElement.GetProperty("command").GetString(), StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Plan_AnImageThatIsNotThere_SaysSo()
    {
        var ended = await deployer.DeployAsync("v99", verb: "plan");

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains("is not in its registry", ended.Output, StringComparison.Ordinal);
    }
}
