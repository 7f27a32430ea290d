using System.Diagnostics;
using System.Threading.Channels;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>The deployer as a process of its own, which can be killed.</summary>
internal sealed class DeployerProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly Channel<string> lines = Channel.CreateUnbounded<string>();
    private readonly List<string> read = [];

    public DeployerProcess(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Program);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Told(line.Data);
        process.ErrorDataReceived += (_, line) => lines.Writer.TryWrite(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where it was built, in the same configuration: beside this program it would lack what the framework brings here.</summary>
    public static string Program
    {
        get
        {
            var own = new DirectoryInfo(AppContext.BaseDirectory);
            var root = own.Parent!.Parent!.Parent!.Parent!.Parent!;
            return Path.Combine(root.FullName, "deployer", "bin", own.Parent.Name, own.Name, "deployer.dll");
        }
    }

    /// <summary>Waits until it says a line that begins so.</summary>
    /// <returns>Whether it did, before it ended.</returns>
    public async Task<bool> SaysAsync(string beginning, TimeSpan within, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(within, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        await foreach (var line in lines.Reader.ReadAllAsync(either.Token))
        {
            read.Add(line);
            if (line.StartsWith(beginning, StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    /// <summary>SIGKILL: it can do nothing about it.</summary>
    public void Kill() => process.Kill();

    public async Task<(int Code, string Output)> EndAsync(TimeSpan within, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(within, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        await process.WaitForExitAsync(either.Token);
        await foreach (var line in lines.Reader.ReadAllAsync(either.Token))
            read.Add(line);
        return (process.ExitCode, string.Join('\n', read));
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private void Told(string? line)
    {
        if (line is null)
            lines.Writer.TryComplete();
        else
            lines.Writer.TryWrite(line);
    }
}
