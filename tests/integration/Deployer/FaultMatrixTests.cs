using System.Collections.Concurrent;
using System.Net;
using Consul;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.Proxy;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>
/// A deployment in a process of its own, and every phase of it with every fault: it is killed, cut off from Consul, or cut off
/// from Docker for 30 s. Meanwhile a real proxy has requests, of which none may fail; and whatever is left, those who come
/// next must see and finish.
/// </summary>
[Collection(DeployerCollection.Name)]
public sealed class FaultMatrixTests(DeployerFixture host) : IAsyncLifetime
{
    private const int AtATime = 6;

    // As the shell tells SIGKILL.
    private const int Killed = 137;

    private static readonly TimeSpan CutOff = TimeSpan.FromSeconds(30);

    // A phase, and the line with which the one before it ends.
    private static readonly (string Phase, string Begins)[] Phases =
    [
        ("pull", "ok  lock"), ("start", "ok  pull"), ("healthy", "ok  start"), ("tests", "ok  healthy"), ("promote", "ok  tests"),
        ("proxies", "ok  promote"), ("drain", "ok  proxies"), ("retire", "ok  drain"),
    ];

    private readonly string proxies = ConsulFixture.Unique("proxy");
    private RunningProxy proxy = null!;

    private enum Fault
    {
        Killed,
        WithoutConsul,
        WithoutDocker,
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        proxy = await RunningProxy.StartAsync(host.ConsulAddress);
        await host.Consul.Agent.ServiceRegister(new AgentServiceRegistration { Name = proxies, Address = "127.0.0.1", Port = proxy.Http.BaseAddress!.Port }, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await host.Consul.Agent.ServiceDeregister(proxies, Ct);
        await proxy.DisposeAsync();
    }

    [Fact]
    public async Task Deploy_EveryPhaseWithEveryFault_FailsNoRequestAndIsFinishedByTheNext()
    {
        var cells = from phase in Phases from fault in Enum.GetValues<Fault>() select (phase, fault);
        var outcomes = new ConcurrentBag<Outcome>();

        await Parallel.ForEachAsync(
            cells,
            new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = Ct },
            async (cell, _) => outcomes.Add(await TryAsync(cell.phase.Phase, cell.phase.Begins, cell.fault)));

        var table = outcomes.OrderBy(outcome => Array.FindIndex(Phases, one => one.Phase == outcome.Phase)).ThenBy(outcome => outcome.Fault).ToList();
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join('\n', table.Select(outcome => outcome.ToString())));
        Assert.Equal(Phases.Length * Enum.GetValues<Fault>().Length, table.Count);
        Assert.All(table, outcome => Assert.True(outcome is { Sent: > 100, Failed: 0, Wrong: "" }, $"{outcome}\n{outcome.Output}"));
    }

    private async Task<Outcome> TryAsync(string phase, string begins, Fault fault)
    {
        var deployer = new DeployerCommand(host) { ProxyService = proxies };
        var first = await deployer.DeployAsync("v1", change: Stripped(deployer));
        if (first.Code != ExitCode.Done)
            return new Outcome(phase, fault, 0, 0, 0, "v1 was not deployed", first.Output);
        await proxy.UntilAsync(deployer.Service, account => account.GetProperty("instances").GetArrayLength() > 0);

        using var stop = new CancellationTokenSource();
        var load = proxy.LoadAsync($"/{deployer.Service}/", stop.Token, TimeSpan.FromMilliseconds(20));
        var (code, output) = await DeployUnderFaultAsync(deployer, begins, fault);
        var wrong = await FinishAsync(deployer, code);
        await stop.CancelAsync();
        var answers = await load;
        return new Outcome(phase, fault, code, answers.Count, answers.Count(status => status != HttpStatusCode.OK), wrong, output);
    }

    private async Task<(int Code, string Output)> DeployUnderFaultAsync(DeployerCommand deployer, string begins, Fault fault)
    {
        await using var consul = new CuttableDocker(new Uri($"tcp://{host.ConsulAddress.Authority}"));
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var process = new DeployerProcess(
            "deploy", await deployer.WriteManifestAsync(change: Stripped(deployer)), "--version", "v2", "--consul", consul.Address.Authority, "--docker", docker.Address.ToString(), "--insecure",
            "--environment", host.Environment, "--proxy-service", proxies);
        if (await process.SaysAsync(begins, TimeSpan.FromMinutes(2), Ct))
        {
            switch (fault)
            {
                case Fault.Killed:
                    process.Kill();
                    break;
                case Fault.WithoutConsul:
                    await CutAsync(consul);
                    break;
                default:
                    await CutAsync(docker);
                    break;
            }
        }

        return await process.EndAsync(TimeSpan.FromMinutes(3), Ct);
    }

    // The image answers at its root.
    private static string Stripped(DeployerCommand deployer) => $"path: /{deployer.Service}=>path: /{deployer.Service}\n    strip: true";

    private static async Task CutAsync(CuttableDocker way)
    {
        await way.CutAsync();
        await Task.Delay(CutOff, TimeProvider.System, Ct);
        way.Mend();
    }

    /// <returns>What is wrong afterwards; empty for nothing.</returns>
    private async Task<string> FinishAsync(DeployerCommand deployer, int code)
    {
        if (!Enum.IsDefined((ExitCode)code) && code != Killed)
            return $"exit code {code} means nothing";
        var left = await deployer.DocumentAsync();
        if (left?.Active?.Version is not ("v1" or "v2") || (code == 0 && left.Active.Version != "v2"))
            return $"exit code {code}, but {left?.Active?.Version ?? "nothing"} is active";
        var status = await deployer.RunAsync(["status", deployer.Service]);
        if (status.Code != ExitCode.Done || !status.Output.Contains(left.Active.Version, StringComparison.Ordinal))
            return $"status: {status.Output}";

        var aborted = await deployer.RunAsync(["abort", deployer.Service, "--wait", "2m"]);
        if (aborted.Code != ExitCode.Done || !aborted.Output.Contains($"{left.Active.Version} is active", StringComparison.Ordinal))
            return $"abort: {aborted.Output}";
        var next = await deployer.DeployAsync("v3", change: Stripped(deployer), args: ["--wait", "2m"]);
        if (next.Code != ExitCode.Done)
            return $"the next deploy: {next.Output}";
        var running = (await host.ContainersAsync(deployer.Service)).Where(container => container.State == "running").Select(container => container.Labels["mesh.version"]).ToList();
        return running is ["v3"] ? "" : $"left behind: {string.Join(", ", running)}";
    }

    private sealed record Outcome(string Phase, Fault Fault, int Code, int Sent, int Failed, string Wrong, string Output)
    {
        public override string ToString() => $"{Phase,-8} {Fault,-13} exit {Code,3}  sent {Sent,5}  failed {Failed}  {Wrong}";
    }
}
