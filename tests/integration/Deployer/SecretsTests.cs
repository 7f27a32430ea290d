using System.Text;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A secret reaches the container, and no place where somebody could read it later.</summary>
[Collection(DeployerCollection.Name)]
public sealed class SecretsTests(DeployerFixture host) : IAsyncDisposable
{
    private const string Variable = "MESH_TESTS_DB_PASSWORD";
    private const string Secret = "correct-horse-battery";
    private const string Secrets = $"secrets: {{DB_PASSWORD: {{env: {Variable}}}}}";

    private readonly DeployerCommand deployer = new(host);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Deploy_WithASecret_GivesItToTheContainerAlone()
    {
        Environment.SetEnvironmentVariable(Variable, Secret);

        var ended = await deployer.DeployAsync("v1", more: Secrets + "\nresources: {cpus: 0.5, memory: 64M}", args: ["--json"]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        var container = await host.Docker.Containers.InspectContainerAsync(Assert.Single(await host.ContainersAsync(deployer.Service)).ID, Ct);
        Assert.Contains($"DB_PASSWORD={Secret}", container.Config!.Env);
        Assert.Equal((500_000_000, 64 << 20), (container.HostConfig!.NanoCPUs, container.HostConfig.Memory));
        Assert.DoesNotContain(Secret, ended.Output, StringComparison.Ordinal);
        await AssertNowhereInConsulAsync();
    }

    [Fact]
    public async Task Deploy_ACandidateThatPrintsItsSecret_IsToldWithoutIt()
    {
        Environment.SetEnvironmentVariable(Variable, Secret);

        var ended = await deployer.DeployAsync("tells", more: Secrets);

        Assert.Equal(ExitCode.Unhealthy, ended.Code);
        Assert.Contains("| my password is ***", ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, ended.Output, StringComparison.Ordinal);
        await AssertNowhereInConsulAsync();
    }

    [Fact]
    public async Task Deploy_CheckThatSaysASecret_TellsTheRestOfIt()
    {
        Environment.SetEnvironmentVariable(Variable, Secret);

        var ended = await deployer.DeployAsync("unwell", change: "/app=>/moody", more: Secrets);

        Assert.Equal(ExitCode.Unhealthy, ended.Code);
        Assert.Contains("500 Internal Server Error Output: my password is ***. Mend that", ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, ended.Output, StringComparison.Ordinal);
        // The check itself leaves Consul together with the candidate; the history stays.
        Assert.Contains("my password is ***", Assert.Single(await deployer.HistoryAsync()).Reason, StringComparison.Ordinal);
        await AssertNowhereInConsulAsync();
    }

    [Fact]
    public async Task Deploy_WithASecretOfItsTests_GivesItToThemAlone()
    {
        Environment.SetEnvironmentVariable(Variable, Secret);

        var ended = await deployer.DeployAsync("v1", "trusted", change: $"timeout: 20s=>secrets: {{TOKEN: {{env: {Variable}}}}}");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("| my token is ***", ended.Output, StringComparison.Ordinal);
        var container = await host.Docker.Containers.InspectContainerAsync(Assert.Single(await host.ContainersAsync(deployer.Service)).ID, Ct);
        Assert.DoesNotContain(container.Config!.Env, variable => variable.Contains(Secret, StringComparison.Ordinal));
        await AssertNowhereInConsulAsync();
    }

    [Fact]
    public async Task Logs_OfAContainerThatPrintedItsSecret_AreToldWithoutItByADeployerThatNeverHadIt()
    {
        Environment.SetEnvironmentVariable(Variable, Secret);
        var ended = await deployer.DeployAsync("whispers", more: Secrets);
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Environment.SetEnvironmentVariable(Variable, null);

        var logs = await deployer.RunAsync(["logs", deployer.Service]);

        Assert.True(logs.Code == ExitCode.Done, logs.Output);
        Assert.Contains("my password is ***", logs.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, logs.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_ASecretThatIsNotSet_IsToldByLineBeforeAnythingIsTouched()
    {
        var ended = await deployer.DeployAsync("v1", more: "secrets: {MESH_TESTS_UNSET: }");

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains(".yaml:15: secret MESH_TESTS_UNSET: the environment variable MESH_TESTS_UNSET is not set", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
        Assert.Empty(await deployer.HistoryAsync());
    }

    // As by a pull request, which is given no secrets.
    [Fact]
    public async Task Plan_ASecretThatIsNotSet_IsNotMissed()
    {
        var ended = await deployer.DeployAsync("v1", more: "secrets: {MESH_TESTS_UNSET: }", verb: "plan");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
    }

    private async Task AssertNowhereInConsulAsync()
    {
        var pairs = (await host.Consul.KV.List("mesh/", Ct)).Response!;
        Assert.NotEmpty(pairs);
        Assert.All(pairs, pair => Assert.DoesNotContain(Secret, Encoding.UTF8.GetString(pair.Value ?? []), StringComparison.Ordinal));
    }
}
