using System.Diagnostics;
using System.Text;

namespace ServiceMesh.Tests.EndToEnd;

/// <summary>Runs a program as a user would, and keeps what it printed.</summary>
internal sealed class Command : IDisposable
{
    private readonly Process process;
    private readonly StringBuilder output = new();

    private Command(string program, IReadOnlyDictionary<string, string> environment, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;

    /// <summary>All that was printed so far, on both streams.</summary>
    public string Output
    {
        get
        {
            lock (output)
                return output.ToString();
        }
    }

    public static Command Start(string program, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments) =>
        new(program, environment, arguments);

    /// <summary>Runs to the end. Past the deadline it is killed, and the test fails with what it had printed.</summary>
    public static async Task<CommandResult> RunAsync(
        string program, IReadOnlyDictionary<string, string> environment, TimeSpan deadline, params IEnumerable<string> arguments)
    {
        using var command = Start(program, environment, arguments);
        return await command.EndAsync(deadline);
    }

    public async Task<CommandResult> EndAsync(TimeSpan deadline)
    {
        using var late = new CancellationTokenSource(deadline);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException error)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{process.StartInfo.FileName} ran longer than {deadline}. It printed:\n{Output}", error);
        }

        return new CommandResult(process.ExitCode, Output);
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
            return;
        lock (output)
            output.AppendLine(line.Data);
    }
}

/// <summary>How a program ended.</summary>
internal sealed record CommandResult(int ExitCode, string Output);
