using System.Diagnostics;
using System.Globalization;
using System.Net;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Nobody can be told any more: what was begun is ended or undone all the same.</summary>
[Collection(DeployerCollection.Name)]
public sealed class GoneTerminalTests(DeployerFixture host) : IAsyncLifetime
{
    private const string Canary = "strategy: {canary: {steps: [10%], bake: 10m, minimum: 20, error-share: 5%, p99-ratio: 50}}";

    private readonly AsyncDisposables started = new();
    private ProxiedDeployer deployer = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        deployer = started.Add(await ProxiedDeployer.StartAsync(host));
        var first = await deployer.DeployAsync("good", Canary);
        Assert.True(first.Code == ExitCode.Done, first.Output);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    // As a shell's window that is closed: the kernel tells of it, and so does the shell, and what is written from then on fails.
    [Fact]
    public async Task Deploy_ItsTerminalCloses_TakesTheCanaryOutAgain()
    {
        using var terminal = Start("script", "-qfec", $"echo $$; exec {await DeployAsync("better", Canary)}", "/dev/null");
        var pid = int.Parse((await terminal.StandardOutput.ReadLineAsync(Ct))!, CultureInfo.InvariantCulture);
        var reading = terminal.StandardOutput.ReadToEndAsync(Ct);
        await deployer.UntilSharingAsync();

        terminal.Kill();
        await terminal.WaitForExitAsync(Ct);
        await reading;
        foreach (var _ in Enumerable.Range(0, 2))
        {
            using var shell = Start("sh", "-c", $"kill -HUP {pid}");
            await shell.WaitForExitAsync(Ct);
        }

        var command = deployer.Command;
        // Its lock is given back at its very end.
        await Until.TrueAsync(async () => await command.Locks.HolderAsync(command.Service, Ct) is null, TimeSpan.FromMinutes(1));
        var document = await command.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        var entry = (await command.HistoryAsync())[^1];
        Assert.Equal((Outcome.Reverted, "interrupted"), (entry.Outcome, entry.Reason));
        Assert.Equal("good", Assert.Single(await host.ContainersAsync(command.Service)).Labels[ContainerLabel.Version]);
    }

    [Fact]
    public async Task Deploy_TheDiskOfItsLogIsFull_IsDoneAndFailsNoRequest()
    {
        var (ended, answers) = await deployer.UnderLoadAsync(async () =>
        {
            using var process = Start("sh", "-c", $"exec {await DeployAsync("better", "")} > /dev/full");
            await process.WaitForExitAsync(Ct);
            return new Ended((ExitCode)process.ExitCode, "");
        });

        Assert.Equal(ExitCode.Done, ended.Code);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal("better", (await deployer.Command.DocumentAsync())!.Active!.Version);
        Assert.Equal(["exited good", "running better"], (await host.ContainersAsync(deployer.Command.Service)).Select(container => $"{container.State} {container.Labels[ContainerLabel.Version]}").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("status SERVICE --consul CONSUL --json")]
    [InlineData("schema")]
    [InlineData("completion bash")]
    public async Task AVerbThatTells_TheDiskIsFull_SaysThatItWasNotTold(string verb)
    {
        var line = verb.Replace("SERVICE", deployer.Command.Service, StringComparison.Ordinal).Replace("CONSUL", host.ConsulAddress.ToString(), StringComparison.Ordinal);
        using var process = Start("sh", "-c", $"exec dotnet {DeployerProcess.Program} {line} > /dev/full");
        await process.WaitForExitAsync(Ct);

        Assert.Equal((int)ExitCode.WrongInput, process.ExitCode);
    }

    private async Task<string> DeployAsync(string version, string more) =>
        $"dotnet {DeployerProcess.Program} deploy {await deployer.Command.WriteManifestAsync(change: "/app=>/moody", more: more)} --version {version}"
        + $" --consul {host.ConsulAddress} --environment {host.Environment} --proxy-service {deployer.Command.ProxyService}";

    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment["TERM"] = "xterm";
        start.Environment.Remove("NO_COLOR");
        return Process.Start(start)!;
    }
}
