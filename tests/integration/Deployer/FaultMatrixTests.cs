using System.Collections.Concurrent;
using System.Net;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.Proxy;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>
/// A verb in a process of its own, and every phase of it with every fault: it is killed, cut off from Consul, or cut off
/// from Docker for 30 s. Meanwhile a real proxy has requests, of which none may fail; and whatever is left, those who come
/// next must see and finish.
/// </summary>
[Collection(DeployerFaultsCollection.Name)]
public sealed class FaultMatrixTests(DeployerFixture host) : IAsyncLifetime
{
    private const int AtATime = 6;

    private static readonly TimeSpan CutOff = TimeSpan.FromSeconds(30);

    private readonly AsyncDisposables started = new();
    private readonly string proxies = ConsulFixture.Unique("proxy");
    private RunningProxy proxy = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        proxy = started.Add(await RunningProxy.StartAsync(host.ConsulAddress));
        started.Add(await host.RegisterProxyAsync(proxies, proxy.Ports[0]));
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Deploy_EveryPhaseWithEveryFault_FailsNoRequestAndIsFinishedByTheNext()
    {
        var cells = (from phase in FaultyPhase.All from fault in Enum.GetValues<Fault>() select (phase, fault)).Select((cell, number) => (cell.phase, cell.fault, aborts: number % 2 == 0));
        var outcomes = new ConcurrentBag<Outcome>();

        await Parallel.ForEachAsync(
            cells,
            new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = Ct },
            async (cell, _) => outcomes.Add(await TryAsync(cell.phase, cell.fault, cell.aborts)));

        var table = outcomes.OrderBy(outcome => FaultyPhase.All.ToList().IndexOf(outcome.Phase)).ThenBy(outcome => outcome.Fault).ToList();
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join('\n', table.Select(outcome => outcome.ToString())));
        Assert.Equal(FaultyPhase.All.Count * Enum.GetValues<Fault>().Length, table.Count);
        Assert.All(table, outcome => Assert.True(outcome is { Sent: > 30, Failed: 0, Wrong: "" }, $"{outcome}\n{outcome.Output}"));
    }

    private async Task<Outcome> TryAsync(FaultyPhase phase, Fault fault, bool aborts)
    {
        await using var deployer = new DeployerCommand(host) { ProxyService = proxies };
        if (await BeginAsync(deployer, phase) is { Code: not ExitCode.Done } begun)
            return new Outcome(phase, fault, 0, 0, 0, "it did not come to that", begun.Output);

        await proxy.UntilAsync(deployer.Service, account => account.GetProperty("instances").GetArrayLength() > 0);

        using var stop = new CancellationTokenSource();
        var load = proxy.LoadAsync($"/{deployer.Service}/{(phase.Failing ? "work" : "")}", stop.Token, TimeSpan.FromMilliseconds(20));
        var (code, output, wrong) = await UnderFaultAsync(deployer, phase, fault);
        if (wrong.Length == 0)
            wrong = await FinishAsync(deployer, phase, aborts);
        await stop.CancelAsync();
        var answers = await load;
        // By its status alone it looks like a maintenance.
        if (wrong.Length == 0 && !(await proxy.Admin.GetStringAsync("/metrics", Ct)).Contains($"mesh_proxy_refused_total{{service=\"{deployer.Service}\",reason=\"no_instance\"}} 0\n", StringComparison.Ordinal))
            wrong = "for a time there was no instance in the traffic";
        return new Outcome(phase, fault, code, answers.Count, answers.Count(status => status != HttpStatusCode.OK && status != phase.Answer), wrong, output);
    }

    /// <summary>Brings about what the phase begins with.</summary>
    private async Task<Ended> BeginAsync(DeployerCommand deployer, FaultyPhase phase)
    {
        var ended = await deployer.DeployAsync(phase.Version(1), change: Change(deployer, phase), more: phase.Manifest);
        if (ended.Code == ExitCode.Done && phase.Next is { } more)
            ended = await deployer.DeployAsync(phase.Version(2), change: Change(deployer, phase), more: more);
        if (ended.Code == ExitCode.Done && phase.First is { } first)
            ended = await deployer.RunAsync([.. first.Split(' '), deployer.Service]);
        if (ended.Code == ExitCode.Done && phase.HalfRolled)
            await HalfRolled.LeaveAsync(host, deployer, phase.Version(2));
        if (phase.LeftBehind)
            await host.RunAsync("app:v1", new() { ["mesh.service"] = deployer.Service, ["mesh.deployment"] = DeploymentId.New(), ["mesh.version"] = "v0" }, Ct);
        if (phase.ByHand)
            await StartByHandAsync(deployer.Service, phase.Version(2));
        return ended;
    }

    // Its labels are for whoever counts what is left: the deployer's own have a deployment besides.
    private async Task StartByHandAsync(string service, string version)
    {
        await host.RunAsync($"app:{version}", new() { [ContainerLabel.Service] = service, [ContainerLabel.Version] = version }, Ct);
        await ConsulFixture.Until((q, token) => host.Consul.Health.Service(service, "candidate", passingOnly: true, q, token), entries => entries.Length > 0);
    }

    private async Task<(int Code, string Output, string Wrong)> UnderFaultAsync(DeployerCommand deployer, FaultyPhase phase, Fault fault)
    {
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var atDocker = await HoldingFront.StartAsync(new Uri($"http://{engine.Address.Authority}"), phase.Docker());
        await using var atConsul = await HoldingFront.StartAsync(host.ConsulAddress, phase.Consul(deployer.Service, proxies));
        await using var docker = new CuttableDocker(new Uri($"tcp://{atDocker.Address.Authority}"));
        await using var consul = new CuttableDocker(new Uri($"tcp://{atConsul.Address.Authority}"));
        await using var other = new AsyncDisposables();
        if (phase.Locked)
            other.Add((await deployer.Locks.TryAcquireAsync(deployer.Service, new LockHolder("another", "its work", DateTimeOffset.UnixEpoch), Ct))!);
        var words = phase.Verb.Split(' ');
        string[] what = words[0] switch
        {
            "deploy" => [await deployer.WriteManifestAsync(change: Change(deployer, phase, phase.NewRoute ? $"\n  - path: /{deployer.Service}/more" : ""), more: phase.Manifest), "--version", phase.Version(2)],
            "promote" when phase.ByHand => [deployer.Service, (await host.ContainersAsync(deployer.Service)).Single(container => container.Labels[ContainerLabel.Version] == phase.Version(2)).ID],
            "promote" => [deployer.Service, (await deployer.DocumentAsync())!.Split!.Release.Deployment],
            _ => [deployer.Service],
        };
        await using var process = new DeployerProcess(
            [words[0], .. what, .. words[1..], "--consul", consul.Address.Authority, "--docker", docker.Address.ToString(), "--insecure", "--environment", host.Environment, "--proxy-service", proxies]);
        var frozen = Task.WhenAny(atDocker.Reached, atConsul.Reached);
        if (await Task.WhenAny(frozen, Task.Delay(TimeSpan.FromMinutes(2), TimeProvider.System, Ct)) != frozen)
        {
            process.Kill();
            return (0, (await process.EndAsync(TimeSpan.FromMinutes(1), Ct)).Output, "it never came to that phase");
        }

        var ending = process.EndAsync(TimeSpan.FromMinutes(4), Ct);
        if (fault == Fault.Killed)
        {
            process.Kill();
        }
        else
        {
            var way = fault == Fault.WithoutConsul ? consul : docker;
            await way.CutAsync();
            // A call to Consul is given up after 10 s: without Docker the deployer goes on as far as it comes.
            if (fault == Fault.WithoutDocker)
                atConsul.Release();
            // One that has ended misses nothing any more.
            await Task.WhenAny(ending, Task.Delay(CutOff, TimeProvider.System, Ct));
            way.Mend();
            atConsul.Release();
            atDocker.Release();
        }

        await other.DisposeAsync();
        var (code, output) = await ending;
        return (code, output, await WrongAsync(deployer, phase, fault, code, output));
    }

    private static async Task<string> WrongAsync(DeployerCommand deployer, FaultyPhase phase, Fault fault, int code, string output)
    {
        var (expected, document) = (phase.Expected(fault), await deployer.DocumentAsync());
        var isSplit = phase.StaysSplit.Contains(fault);
        return code != expected.Code && code != expected.Or ? $"exit code {code} instead of {expected.Code}"
            : document?.Active?.Version != expected.Active ? $"{document?.Active?.Version ?? "nothing"} is active instead of {expected.Active}"
            : document.Split is not null != isSplit ? $"its split is {document.Split}"
            : !output.Contains(expected.Says, StringComparison.Ordinal) ? $"it does not say '{expected.Says}'"
            : "";
    }

    // The one image answers at its root, the other behind whatever prefix.
    private static string Change(DeployerCommand deployer, FaultyPhase phase, string route = "") =>
        phase.Failing ? "/app=>/moody" : $"path: /{deployer.Service}=>path: /{deployer.Service}\n    strip: true{route}";

    /// <summary>Has the next ones finish it: an abort and then a deploy, or a deploy alone; where a share is left, always both, for a deploy would replace it.</summary>
    /// <returns>What is wrong afterwards; empty for nothing.</returns>
    private async Task<string> FinishAsync(DeployerCommand deployer, FaultyPhase phase, bool aborts)
    {
        var document = (await deployer.DocumentAsync())!;
        var active = document.Active!.Version;
        if (document is { Pause: not null } or { Maintenance: not null } && await deployer.RunAsync(["resume", deployer.Service, "--wait", "2m"]) is { Code: not ExitCode.Done } resumed)
            return $"resume: {resumed.Output}";
        var status = await deployer.RunAsync(["status", deployer.Service]);
        if (status.Code != ExitCode.Done || !status.Output.Contains(active, StringComparison.Ordinal))
            return $"status: {status.Output}";

        if ((aborts || document.Split is not null)
            && await deployer.RunAsync(["abort", deployer.Service, "--wait", "2m"]) is var aborted
            && (aborted.Code != ExitCode.Done || !aborted.Output.Contains($"{active} is active", StringComparison.Ordinal)))
        {
            return $"abort: {aborted.Output}";
        }

        var next = await deployer.DeployAsync(phase.Version(3), change: Change(deployer, phase), args: ["--wait", "2m"]);
        if (next.Code != ExitCode.Done)
            return $"the next deploy: {next.Output}";
        // The manifest keeps one release, and nobody takes away what a person has started.
        List<string> expected = [$"exited {active}", $"running {phase.Version(3)}"];
        if (phase.ByHand && active != phase.Version(2))
            expected.Insert(1, $"running {phase.Version(2)}");
        var left = (await host.ContainersAsync(deployer.Service)).Select(container => $"{container.State} {container.Labels["mesh.version"]}").Distinct().Order(StringComparer.Ordinal).ToList();
        return left.SequenceEqual(expected) ? "" : $"left behind: {string.Join(", ", left)}";
    }

    private sealed record Outcome(FaultyPhase Phase, Fault Fault, int Code, int Sent, int Failed, string Wrong, string Output)
    {
        public override string ToString() => $"{Phase.Verb.Split(' ')[0],-11} {Phase.Name,-8} {Fault,-13} exit {Code,3}  sent {Sent,5}  failed {Failed}  {Wrong}";
    }
}
