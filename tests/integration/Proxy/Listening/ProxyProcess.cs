using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using ServiceMesh.Proxy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>The proxy as a process of its own, for signals and for several on one port.</summary>
internal sealed class ProxyProcess : IDisposable
{
    private readonly Process process;

    private ProxyProcess(Process process) => this.process = process;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static ProxyProcess Start(Uri consul, int port, string state, params IEnumerable<string> more) =>
        new(Process.Start(Command(consul, port, state, more))!);

    /// <summary>Starts it with its standard output kept for <see cref="OutputAsync"/>.</summary>
    public static ProxyProcess StartReading(Uri consul, int port, string state, params IEnumerable<string> more)
    {
        var command = Command(consul, port, state, more);
        command.RedirectStandardOutput = true;
        return new ProxyProcess(Process.Start(command)!);
    }

    public static ProxyProcess Start(Uri consul, int port, string state, IEnumerable<(string Name, string Value)> environment)
    {
        var command = Command(consul, port, state, []);
        foreach (var (name, value) in environment)
            command.Environment[name] = value;
        return new ProxyProcess(Process.Start(command)!);
    }

    /// <summary>Starts it and waits until it says that it is ready.</summary>
    public static Task<ProxyProcess> StartReadyAsync(Uri consul, int port, string state, params IEnumerable<string> more) =>
        UntilReadyAsync(Start(consul, port, state, more), port);

    /// <inheritdoc cref="StartReadyAsync(Uri, int, string, IEnumerable{string})" />
    public static Task<ProxyProcess> StartReadyAsync(Uri consul, int port, string state, IEnumerable<(string Name, string Value)> environment) =>
        UntilReadyAsync(Start(consul, port, state, environment), port);

    /// <summary>The status of the proxy's readiness; 0 where nobody listens.</summary>
    public static async Task<int> ReadyAsync(int port)
    {
        try
        {
            await using var raw = await RawConnection.OpenAsync(port);
            return (await raw.AskAsync("GET /services/-/readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).Status;
        }
        // Refused, or taken into the queue of a port that closed.
        catch (Exception error) when (error is SocketException or IOException)
        {
            return 0;
        }
    }

    /// <summary>All that it wrote to its standard output until its end.</summary>
    public Task<string> OutputAsync() => process.StandardOutput.ReadToEndAsync(Ct).WaitAsync(TimeSpan.FromSeconds(30), Ct);

    public bool HasEnded => process.HasExited;

    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Ct);
    }

    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync()
    {
        await process.WaitForExitAsync(Ct).WaitAsync(TimeSpan.FromSeconds(30), Ct);
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        // Whatever it writes is written then, and its folder can be deleted.
        process.WaitForExit();
        process.Dispose();
    }

    private static Task<ProxyProcess> UntilReadyAsync(ProxyProcess proxy, int port)
    {
        var started = new AsyncDisposables();
        started.Add(proxy.Dispose);
        return started.StartAsync(async () =>
        {
            await Until.TrueAsync(async () => await ReadyAsync(port) == 200);
            return proxy;
        });
    }

    private static ProcessStartInfo Command(Uri consul, int port, string state, IEnumerable<string> more) => new(
        "dotnet",
        [
            typeof(ProxyCommand).Assembly.Location,
            "--port", port.ToString(CultureInfo.InvariantCulture), "--consul", consul.ToString(), "--state", state, .. more,
        ]);
}
