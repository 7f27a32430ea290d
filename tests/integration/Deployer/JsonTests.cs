using System.Text.Json;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>What a program reads that calls the deployer with <c>--json</c>: one document a line on stdout, and nothing else there.</summary>
[Collection(DeployerCollection.Name)]
public sealed class JsonTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task EachVerb_Json_IsOneDocumentInOneLine()
    {
        var (service, written) = (deployer.Service, Path.Combine(Path.GetTempPath(), $"{deployer.Service}.init.yaml"));
        var manifest = await deployer.WriteManifestAsync(more: "strategy: {ab: {share: 10%}}");
        try
        {
            Assert.Equal(5000, (await DoneAsync("init", $"{host.Registry}/app:v1", "--file", written)).GetProperty("port").GetInt32());
            Assert.Equal(service, (await DoneAsync("validate", manifest)).GetProperty("service").GetString());
            Assert.EndsWith("--check-index 0", (await DoneAsync("plan", manifest, "--version", "v1")).GetProperty("command").GetString(), StringComparison.Ordinal);
            Assert.Equal(("v1", "v1", null), await DeliveredAsync("deploy", manifest, "--version", "v1"));
            Assert.Equal(("v1", "v1", null), await DeliveredAsync("pause", service));
            Assert.Equal(("v1", "v1", null), await DeliveredAsync("maintenance", service));
            Assert.Equal(("v1", "v1", null), await DeliveredAsync("resume", service));
            Assert.Equal(("v1", "v1", null), await DeliveredAsync("scale", service, "2"));
            Assert.Equal(("v2", "v1", 10), await DeliveredAsync("deploy", manifest, "--version", "v2"));
            var candidate = (await deployer.DocumentAsync())!.Split!.Release.Deployment;
            Assert.Equal(("v2", "v1", 20), await DeliveredAsync("split", service, candidate[..8], "--share", "20"));
            Assert.Equal(("v2", "v2", null), await DeliveredAsync("promote", service, candidate[..8], "--drain", "100ms"));
            Assert.Equal(("v1", "v1", null), await DeliveredAsync("rollback", service, "--drain", "100ms"));
            Assert.Equal((null, "v1", null), await DeliveredAsync("abort", service));
            Assert.Equal("active", (await DoneAsync("status", service))[0].GetProperty("stage").GetString());
            Assert.Equal("deploy", (await DoneAsync("history", service))[0].GetProperty("action").GetString());
            Assert.Equal(JsonValueKind.Null, (await DoneAsync("lock", "status", service)).GetProperty("holder").ValueKind);
            await using (var held = await deployer.Locks.TryAcquireAsync(service, new LockHolder("ci@other", "deploy of v9", TimeProvider.System.GetUtcNow()), Ct))
                await DoneAsync("lock", "release", service);
            asked.Add("logs");
            var logs = (await deployer.RunAsync(["logs", service, "--tail", "1", "--json"])).Stdout.TrimEnd('\n').Split('\n');
            // Of two replicas, a document in a line each.
            Assert.Equal(2, logs.Length);
            Assert.All(logs, line => JsonDocument.Parse(line).Dispose());
            // A JSON document by itself, for people as for programs.
            JsonDocument.Parse((await deployer.RunAsync(["schema", "--json"])).Stdout).Dispose();
        }
        finally
        {
            File.Delete(manifest);
            File.Delete(written);
        }

        // A script for a shell is no JSON.
        Assert.Equal(["completion", "schema"], CommandLine.Root().Subcommands.Select(verb => verb.Name).Except(asked).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Deploy_JsonAndRejected_IsOneDocumentWithTheTestsAndThePhases()
    {
        var ended = await deployer.DeployAsync("v1", tests: "fail", args: ["--json"]);

        Assert.Equal(ExitCode.Rejected, ended.Code);
        using var document = JsonDocument.Parse(Assert.Single(ended.Stdout.TrimEnd('\n').Split('\n')));
        Assert.Equal(1, document.RootElement.GetProperty("tests")[0].GetProperty("failed").GetInt32());
        Assert.Contains("no  tests", ended.Stderr, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    // What a first deployment left that was killed.
    [Fact]
    public async Task Abort_JsonAndNothingIsActive_HasTheReleaseThatItRemoved()
    {
        var deployment = DeploymentId.New();
        await host.RunAsync("app:v1", new() { [ContainerLabel.Service] = deployer.Service, [ContainerLabel.Deployment] = deployment, [ContainerLabel.Version] = "v0" }, Ct);

        var report = await DoneAsync("abort", deployer.Service);

        Assert.Equal(deployment, Told(report, "release")?.GetProperty("deployment").GetString());
        Assert.Null(Told(report, "active"));
        await deployer.AssertUntouchedAsync();
    }

    // Whoever called it looks for both in its own logs, and in the history.
    [Fact]
    public async Task Deploy_JsonAndFailedAfterItsTests_HasTheReleaseAndTheTests()
    {
        using var interruption = new CancellationTokenSource();

        var ended = await deployer.DeployAsync("v1", args: ["--json"], interruption: interruption, onLine: line =>
        {
            if (line.StartsWith("ok  tests", StringComparison.Ordinal))
                interruption.Cancel();
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        using var document = JsonDocument.Parse(ended.Stdout);
        Assert.Equal(deployer.Service, document.RootElement.GetProperty("service").GetString());
        Assert.Equal(3, Assert.Single(document.RootElement.GetProperty("tests").EnumerateArray()).GetProperty("passed").GetInt32());
        var tried = Assert.Single(await deployer.HistoryAsync()).Release;
        Assert.Equal(tried.Deployment, document.RootElement.GetProperty("release").GetProperty("deployment").GetString());
        Assert.Equal(tried.Image, document.RootElement.GetProperty("release").GetProperty("image").GetString());
        Assert.Contains("@sha256:", tried.Image, StringComparison.Ordinal);
    }

    // Which release it was about, which is active now, and the share of the one beside that.
    private async Task<(string? Release, string? Active, double? Share)> DeliveredAsync(params string[] args)
    {
        var report = await DoneAsync(args);
        return (Version(report, "release"), Version(report, "active"), Told(report, "split")?.GetProperty("share").GetDouble());
    }

    private static string? Version(JsonElement report, string release) => Told(report, release)?.GetProperty("version").GetString();

    private static JsonElement? Told(JsonElement report, string name) => report.GetProperty(name) is { ValueKind: not JsonValueKind.Null } told ? told : null;

    private async Task<JsonElement> DoneAsync(params string[] args)
    {
        asked.Add(args[0]);
        var ended = await deployer.RunAsync([.. args, "--json"]);
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        using var document = JsonDocument.Parse(Assert.Single(ended.Stdout.TrimEnd('\n').Split('\n')));
        return document.RootElement.Clone();
    }
}
