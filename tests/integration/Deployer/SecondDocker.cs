using System.Diagnostics;
using System.Globalization;
using System.Net.NetworkInformation;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Configuration;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>
/// A second Docker Engine on this machine, with its own containers, images and network, and a registry-sidecar of its own.
/// Over TCP it speaks mutual TLS only. It touches nothing of the machine's first one. What a test run that was killed leaves of
/// it is found by the folder's name, <c>mesh-docker-…</c>: its daemon by the pid file there, its containers' shims by the
/// namespace of that name in their command lines, its bridge by the file <c>bridge</c>.
/// </summary>
internal sealed class SecondDocker : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly AsyncDisposables started = new();
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mesh-docker-");
    private readonly CertificateFiles certificates = new();
    private readonly string bridge = ConsulFixture.Unique("mesh")[..15];
    private readonly bool keepsContainers;
    private Process daemon = null!;

    private SecondDocker(bool keepsContainers)
    {
        this.keepsContainers = keepsContainers;
        started.Add(() => folder.Delete(recursive: true));
        started.Add(certificates.Dispose);
    }

    public Uri Address { get; } = new($"tcp://127.0.0.1:{FreePort.Next().ToString(CultureInfo.InvariantCulture)}");

    public Uri Socket => new($"unix://{folder.FullName}/docker.sock");

    /// <summary>A folder with the certificates that this Engine takes.</summary>
    public string Certificates => certificates.Folder;

    public DockerClient Docker { get; private set; } = null!;

    private string Log => Path.Combine(folder.FullName, "log");

    /// <summary>Starts one, or skips the test where the machine cannot.</summary>
    /// <param name="host">The machine's first one, and the mesh.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="keepsContainers">Whether its containers go on when it ends (Docker's <c>live-restore</c>), or are stopped by it.</param>
    public static async Task<SecondDocker> StartAsync(DeployerFixture host, CancellationToken ct, bool keepsContainers = true)
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root can start a second Docker Engine");
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(path => File.Exists(Path.Combine(path, "dockerd"))),
            "there is no dockerd on this machine to start a second Docker Engine with");
        var second = new SecondDocker(keepsContainers);
        await second.started.StartAsync(() => second.BeginAsync(host, ct));
        return second;
    }

    /// <summary>The file that names both hosts, written for <c>--hosts</c>.</summary>
    public string HostsFile(string extra = "")
    {
        var path = Path.Combine(folder.FullName, "hosts.yaml");
        File.WriteAllText(path, $$"""
            hosts:
              first: {docker: "{{DockerEngine.DefaultEndpoint}}"}
              second: {docker: "{{Address}}", certificates: "{{Certificates}}"}
            {{extra}}
            """);
        return path;
    }

    /// <summary>The same where this one is for tests alone.</summary>
    public string TestsOnlyFile()
    {
        var path = Path.Combine(folder.FullName, "tests-only.yaml");
        File.WriteAllText(path, $$"""
            hosts:
              first: {docker: "{{DockerEngine.DefaultEndpoint}}"}
            tests: {docker: "{{Address}}", certificates: "{{Certificates}}"}
            """);
        return path;
    }

    /// <summary>It stops answering, as a host does that hangs; its containers go on.</summary>
    public void Freeze() => Signal("STOP");

    public void Thaw() => Signal("CONT");

    /// <summary>It breaks off all connections, and refuses new ones; its containers go on if it keeps them.</summary>
    public async Task EndAsync()
    {
        Signal("TERM");
        try
        {
            await daemon.WaitForExitAsync().WaitAsync(Patience, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            daemon.Kill();
            await daemon.WaitForExitAsync();
        }
    }

    /// <summary>It goes with its containers, all at once, and tells nobody.</summary>
    public async Task DieAsync()
    {
        var running = await Docker.Containers.ListContainersAsync(new ContainersListParameters());
        var containers = await Task.WhenAll(running.Select(async container => (await Docker.Containers.InspectContainerAsync(container.ID)).State!.Pid));
        // The daemon first, or it would start the others again. One that has just ended has the pid 0, by which kill means the whole test run.
        Signal("KILL", [daemon.Id, .. containers.Where(pid => pid > 0)]);
        await daemon.WaitForExitAsync();
    }

    /// <summary>After <see cref="EndAsync"/> or <see cref="DieAsync"/>.</summary>
    public async Task ReviveAsync(CancellationToken ct)
    {
        await EndContainerdAsync(ct);
        StartDaemon();
        await AnswersAsync(ct);
    }

    public async Task<IList<ContainerListResponse>> ContainersAsync(string service) => await Docker.Containers.ListContainersAsync(
        new ContainersListParameters
        {
            All = true,
            Filters = new Dictionary<string, IDictionary<string, bool>> { ["label"] = new Dictionary<string, bool> { [$"mesh.service={service}"] = true } },
        });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    private async Task BeginAsync(DeployerFixture host, CancellationToken ct)
    {
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "bridge"), bridge, ct);
        await RunAsync("ip", "link", "add", bridge, "type", "bridge");
        started.Add(() => RunAsync("ip", "link", "delete", bridge));
        await RunAsync("ip", "address", "add", $"{FreeGateway()}/24", "dev", bridge);
        await RunAsync("ip", "link", "set", bridge, "up");
        started.Add(UnmountAsync);
        StartDaemon();
        started.Add(EndForGoodAsync);
        await AnswersAsync(ct);
        started.Add(RemoveContainersAsync);
        var quiet = new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "Warning" };
        var sidecar = SidecarHost.Build(
            new SidecarOptions
            {
                Environment = host.Environment,
                ConsulAddress = host.ConsulAddress,
                DockerHost = Socket,
                Node = "second",
                Ip = await host.GatewayAsync(ct),
            },
            new ConfigurationBuilder().AddInMemoryCollection(quiet).Build());
        started.Add(sidecar.Dispose);
        await sidecar.StartAsync(ct);
        started.Add(() => sidecar.StopAsync());
    }

    private async Task RemoveContainersAsync()
    {
        using var late = new CancellationTokenSource(Patience, TimeProvider.System);
        if (daemon.HasExited)
            await ReviveAsync(late.Token);
        Thaw();
        await Docker.RemoveAsync(await Docker.Containers.ListContainersAsync(new ContainersListParameters { All = true }, late.Token), late.Token);
    }

    private async Task EndForGoodAsync()
    {
        if (!daemon.HasExited)
            await EndAsync();
        Docker?.Dispose();
        daemon.Dispose();
    }

    // The dead daemon's containerd dies by and by, and its pid file stays: the next daemon would take it, or whatever has its pid
    // by now, for one that runs, or wait for the lock on its database.
    private async Task EndContainerdAsync(CancellationToken ct)
    {
        var file = Path.Combine(folder.FullName, "exec", "containerd", "containerd.pid");
        if (!File.Exists(file))
            return;
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        var pid = await File.ReadAllTextAsync(file, either.Token);
        while (await CommandAsync(pid, either.Token) is var command && command.Contains(folder.FullName, StringComparison.Ordinal))
        {
            Signal("KILL", [long.Parse(pid, CultureInfo.InvariantCulture)]);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, either.Token);
        }

        File.Delete(file);
    }

    // Empty of one that is gone, and of a zombie, which holds nothing any more.
    private static async Task<string> CommandAsync(string pid, CancellationToken ct)
    {
        try
        {
            return await File.ReadAllTextAsync($"/proc/{pid}/cmdline", ct);
        }
        catch (IOException)
        {
            return "";
        }
    }

    // The Engine mounts its folder upon itself and its containers' below that, and takes that back if it still can.
    private async Task UnmountAsync()
    {
        var mounts = (await File.ReadAllLinesAsync("/proc/mounts")).Select(line => line.Split(' ')[1]);
        foreach (var mount in mounts.Where(path => path.StartsWith($"{folder.FullName}/", StringComparison.Ordinal)).Reverse())
            await RunAsync("umount", "--lazy", mount);
    }

    // One that no bridge of another run has.
    private static string FreeGateway()
    {
        var taken = NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(each => each.GetIPProperties().UnicastAddresses)
            .Select(each => each.Address.ToString())
            .ToHashSet(StringComparer.Ordinal);
        var gateways = Enumerable.Range(0, 256).Select(number => $"10.213.{number.ToString(CultureInfo.InvariantCulture)}.1").ToArray();
        Random.Shared.Shuffle(gateways);
        return gateways.First(gateway => !taken.Contains(gateway));
    }

    // Its own containerd namespace, its own bridge, and not one rule of iptables: published ports go through Docker's own proxy.
    private void StartDaemon()
    {
        var name = Path.GetFileName(folder.FullName);
        File.Delete(Path.Combine(folder.FullName, "docker.pid"));
        // Into a file: whatever it starts inherits a pipe, and keeps that open when it has ended itself.
        string[] arguments =
        [
            "-c", "exec dockerd \"$@\" >>\"$0\" 2>&1", Log,
            "--data-root", Path.Combine(folder.FullName, "data"), "--exec-root", Path.Combine(folder.FullName, "exec"),
            "--pidfile", Path.Combine(folder.FullName, "docker.pid"), "--bridge", bridge, "--iptables=false", "--ip6tables=false", "--ip-masq=false",
            "--containerd-namespace", name, "--containerd-plugins-namespace", name + "-plugins", $"--live-restore={(keepsContainers ? "true" : "false")}",
            "--host", Socket.ToString(), "--host", Address.ToString().TrimEnd('/'), "--tlsverify", "--tlscacert", certificates.Authority,
            "--tlscert", certificates.Server, "--tlskey", certificates.ServerKey,
        ];
        daemon = Process.Start("sh", arguments);
    }

    private async Task AnswersAsync(CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        while (true)
        {
            try
            {
                Docker = await DockerEngine.ConnectAsync(Socket, certificates: null, either.Token);
                return;
            }
            catch (DockerUnreachableException error)
            {
                if (daemon.HasExited || patience.IsCancellationRequested)
                    throw new InvalidOperationException("the second Docker Engine did not start: " + string.Join('\n', File.ReadLines(Log).TakeLast(20)), error);
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, either.Token);
            }
        }
    }

    private void Signal(string name) => Signal(name, [daemon.Id]);

    private static void Signal(string name, long[] processes)
    {
        using var kill = Process.Start("kill", ["-s", name, .. processes.Select(process => process.ToString(CultureInfo.InvariantCulture))]);
        kill.WaitForExit();
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with exit code {process.ExitCode}");
    }
}
