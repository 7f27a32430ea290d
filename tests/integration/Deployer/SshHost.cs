using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>
/// This machine as a host that only ssh leads to: a real sshd on a free port, with keys of its own, and a user's ssh settings of
/// every kind. It touches none of this user's.
/// </summary>
internal sealed class SshHost : IAsyncDisposable
{
    private const string Server = "/usr/sbin/sshd";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mesh-ssh-");
    private readonly string path = Environment.GetEnvironmentVariable("PATH")!;
    private Process? sshd;

    public Uri Address { get; } = new($"ssh://{Environment.UserName}@127.0.0.1:{FreePort.Next().ToString(CultureInfo.InvariantCulture)}");

    /// <summary>Starts one, or skips the test where the machine cannot.</summary>
    public static async Task<SshHost> StartAsync(CancellationToken ct)
    {
        Assert.SkipUnless(File.Exists(Server), $"there is no {Server} on this machine");
        var host = new SshHost();
        try
        {
            await host.BeginAsync(ct);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>From now on the ssh command has these settings in the place of the user's.</summary>
    /// <param name="key">The private key: <c>known</c>, <c>strange</c> to the host, or <c>dockerless</c>, whose shells there know no docker.</param>
    /// <param name="knownHosts"><c>right</c>, <c>none</c>, or <c>wrong</c> after the host has changed its key.</param>
    public void Use(string key, string knownHosts = "right")
    {
        // OpenSSH finds its settings by the user's entry in /etc/passwd, whatever HOME is: only its command line leads elsewhere.
        var bin = Directory.CreateDirectory(In(Guid.NewGuid().ToString("N")));
        var config = Path.Combine(bin.FullName, "config");
        File.WriteAllText(config, $"""
            IdentityFile {In(key)}
            IdentitiesOnly yes
            IdentityAgent none
            UserKnownHostsFile {In($"known_hosts_{knownHosts}")}
            GlobalKnownHostsFile none
            """);
        var command = Path.Combine(bin.FullName, "ssh");
        var ssh = path.Split(':').Select(entry => Path.Combine(entry, "ssh")).First(File.Exists);
        File.WriteAllText(command, $"#!/bin/sh\nexec {ssh} -F {config} \"$@\"\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(command, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable("PATH", $"{bin.FullName}:{path}");
    }

    public async ValueTask DisposeAsync()
    {
        Environment.SetEnvironmentVariable("PATH", path);
        await EndAsync();
        sshd?.Dispose();
        folder.Delete(recursive: true);
    }

    /// <summary>It is there no more.</summary>
    public async Task EndAsync()
    {
        if (sshd is null)
            return;
        if (!sshd.HasExited)
            sshd.Kill(entireProcessTree: true);
        await sshd.WaitForExitAsync();
    }

    private async Task BeginAsync(CancellationToken ct)
    {
        foreach (var key in (string[])["host", "other-host", "known", "strange", "dockerless"])
            await RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", In(key));
        await File.WriteAllTextAsync(
            In("authorized_keys"), $"{await PublicAsync("known")}\nenvironment=\"PATH=/no/such/folder\" {await PublicAsync("dockerless")}\n", ct);
        foreach (var (name, key) in (ReadOnlySpan<(string, string)>)[("right", "host"), ("wrong", "other-host")])
            File.WriteAllText(In($"known_hosts_{name}"), $"[127.0.0.1]:{Address.Port.ToString(CultureInfo.InvariantCulture)} {File.ReadAllText(In(key + ".pub"))}");
        await File.WriteAllTextAsync(In("sshd_config"), $"""
            Port {Address.Port.ToString(CultureInfo.InvariantCulture)}
            ListenAddress 127.0.0.1
            HostKey {In("host")}
            AuthorizedKeysFile {In("authorized_keys")}
            PermitUserEnvironment yes
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            StrictModes no
            PidFile none
            """, ct);
        // Where it gives up its rights; a service's start makes it elsewhere.
        if (Environment.UserName == "root")
            Directory.CreateDirectory("/run/sshd");
        var start = new ProcessStartInfo(Server, ["-D", "-e", "-f", In("sshd_config")]) { UseShellExecute = false, RedirectStandardError = true };
        sshd = Process.Start(start)!;
        var log = sshd.StandardError.ReadToEndAsync(ct);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        while (!await ListensAsync(late.Token))
            Assert.False(sshd.HasExited, sshd.HasExited ? await log : "");
    }

    private async Task<bool> ListensAsync(CancellationToken ct)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, Address.Port, ct);
            return true;
        }
        catch (SocketException)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct);
            return false;
        }
    }

    private async Task<string> PublicAsync(string key) => (await File.ReadAllTextAsync(In(key + ".pub"))).Trim();

    private string In(string name) => Path.Combine(folder.FullName, name);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }
}
