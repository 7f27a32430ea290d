using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>
/// A second Docker Engine on this machine, with its own containers, images and network, and a registry-sidecar of its own.
/// Over TCP it speaks mutual TLS only. It touches nothing of the machine's first one.
/// </summary>
internal sealed class SecondDocker : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mesh-docker-");
    private readonly CertificateFiles certificates = new();
    private readonly string bridge = ConsulFixture.Unique("br")[..12];
    private readonly ConcurrentQueue<string> log = new();
    private Process? daemon;
    private IHost? sidecar;

    public Uri Address { get; } = new($"tcp://127.0.0.1:{FreePort().ToString(CultureInfo.InvariantCulture)}");

    public Uri Socket => new($"unix://{folder.FullName}/docker.sock");

    /// <summary>A folder with the certificates that this Engine takes.</summary>
    public string Certificates => Path.Combine(folder.FullName, "client");

    public DockerClient Docker { get; private set; } = null!;

    /// <summary>Starts one, or skips the test where the machine cannot.</summary>
    public static async Task<SecondDocker> StartAsync(DeployerFixture host, CancellationToken ct)
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root can start a second Docker Engine");
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(path => File.Exists(Path.Combine(path, "dockerd"))),
            "there is no dockerd on this machine to start a second Docker Engine with");
        var second = new SecondDocker();
        try
        {
            await second.BeginAsync(host, ct);
            return second;
        }
        catch
        {
            await second.DisposeAsync();
            throw;
        }
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

    /// <summary>It breaks off all connections, and refuses new ones; its containers go on.</summary>
    public async Task EndAsync()
    {
        Signal("TERM");
        await daemon!.WaitForExitAsync();
    }

    /// <summary>It goes with its containers, and tells nobody.</summary>
    public async Task DieAsync()
    {
        var running = await Docker.Containers.ListContainersAsync(new ContainersListParameters());
        var processes = await Task.WhenAll(running.Select(async container => (await Docker.Containers.InspectContainerAsync(container.ID)).State!.Pid));
        await EndAsync();
        foreach (var process in processes)
            await RunAsync("kill", "-s", "KILL", process.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>After <see cref="EndAsync"/> or <see cref="DieAsync"/>.</summary>
    public async Task ReviveAsync(CancellationToken ct)
    {
        StartDaemon();
        await AnswersAsync(ct);
    }

    public async Task<IList<ContainerListResponse>> ContainersAsync(string service) => await Docker.Containers.ListContainersAsync(
        new ContainersListParameters
        {
            All = true,
            Filters = new Dictionary<string, IDictionary<string, bool>> { ["label"] = new Dictionary<string, bool> { [$"mesh.service={service}"] = true } },
        });

    public async ValueTask DisposeAsync()
    {
        if (sidecar is not null)
            await sidecar.StopAsync();
        sidecar?.Dispose();
        if (daemon is { HasExited: false })
        {
            Thaw();
            foreach (var container in await Docker.Containers.ListContainersAsync(new ContainersListParameters { All = true }))
                await Docker.Containers.RemoveContainerAsync(container.ID, new ContainerRemoveParameters { Force = true, RemoveVolumes = true });
            Signal("TERM");
            await daemon.WaitForExitAsync();
        }

        Docker?.Dispose();
        daemon?.Dispose();
        await RunAsync("ip", "link", "delete", bridge);
        certificates.Dispose();
        // The Engine mounts its folder upon itself, and takes that back if it still can.
        if ((await File.ReadAllTextAsync("/proc/mounts")).Contains($" {folder.FullName}/data ", StringComparison.Ordinal))
            await RunAsync("umount", "--recursive", "--lazy", Path.Combine(folder.FullName, "data"));
        folder.Delete(recursive: true);
    }

    private async Task BeginAsync(DeployerFixture host, CancellationToken ct)
    {
        Directory.CreateDirectory(Certificates);
        File.Copy(certificates.Authority, Path.Combine(Certificates, "ca.pem"));
        File.Copy(certificates.Client, Path.Combine(Certificates, "cert.pem"));
        File.Copy(certificates.ClientKey, Path.Combine(Certificates, "key.pem"));
        await RunAsync("ip", "link", "add", bridge, "type", "bridge");
        await RunAsync("ip", "address", "add", $"10.213.{Random.Shared.Next(256).ToString(CultureInfo.InvariantCulture)}.1/24", "dev", bridge);
        await RunAsync("ip", "link", "set", bridge, "up");
        StartDaemon();
        await AnswersAsync(ct);
        var quiet = new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "Warning" };
        sidecar = SidecarHost.Build(
            new SidecarOptions
            {
                Environment = host.Environment,
                ConsulAddress = host.ConsulAddress,
                DockerHost = Socket,
                Node = "second",
                Ip = await host.GatewayAsync(ct),
            },
            new ConfigurationBuilder().AddInMemoryCollection(quiet).Build());
        await sidecar.StartAsync(ct);
    }

    // Its own containerd namespace, its own bridge, and not one rule of iptables: published ports go through Docker's own proxy.
    private void StartDaemon()
    {
        var name = Path.GetFileName(folder.FullName);
        File.Delete(Path.Combine(folder.FullName, "docker.pid"));
        var start = new ProcessStartInfo("dockerd") { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])
        [
            "--data-root", Path.Combine(folder.FullName, "data"), "--exec-root", Path.Combine(folder.FullName, "exec"),
            "--pidfile", Path.Combine(folder.FullName, "docker.pid"), "--bridge", bridge, "--iptables=false", "--ip-masq=false",
            "--containerd-namespace", name, "--containerd-plugins-namespace", name + "-plugins", "--live-restore",
            "--host", Socket.ToString(), "--host", Address.ToString().TrimEnd('/'), "--tlsverify", "--tlscacert", certificates.Authority,
            "--tlscert", certificates.Server, "--tlskey", certificates.ServerKey,
        ])
            start.ArgumentList.Add(argument);
        daemon = Process.Start(start)!;
        daemon.ErrorDataReceived += (_, line) => log.Enqueue(line.Data ?? "");
        daemon.OutputDataReceived += (_, line) => log.Enqueue(line.Data ?? "");
        daemon.BeginErrorReadLine();
        daemon.BeginOutputReadLine();
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
                if (daemon!.HasExited || patience.IsCancellationRequested)
                    throw new InvalidOperationException("the second Docker Engine did not start: " + string.Join('\n', log.TakeLast(20)), error);
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, either.Token);
            }
        }
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-s", name, daemon!.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
