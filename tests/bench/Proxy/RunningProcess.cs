using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace ServiceMesh.Bench.Proxy;

/// <summary>A program that is measured from outside: its processor time and its memory, its children included.</summary>
internal sealed class RunningProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(20);

    private readonly Process process;
    private readonly StringBuilder said = new();

    private RunningProcess(ProcessStartInfo start)
    {
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;

    /// <summary>The processor time that it and its children have used so far.</summary>
    public TimeSpan ProcessorTime => Family().Aggregate(TimeSpan.Zero, (sum, member) => sum + TimeOf(member));

    /// <summary>Its resident memory in MiB, without its children.</summary>
    public double MemoryMiB
    {
        get
        {
            process.Refresh();
            return process.WorkingSet64 / 1024.0 / 1024.0;
        }
    }

    /// <summary>The most resident memory that it ever had, in MiB, without its children.</summary>
    public double PeakMemoryMiB => double.Parse(
        File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture) / 1024;

    public bool HasEnded => process.HasExited;

    /// <summary>Starts it, and returns when it takes connections on the port.</summary>
    public static async Task<RunningProcess> StartAsync(
        string program, IEnumerable<string> arguments, int port, CancellationToken ct, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var running = new RunningProcess(start);
        try
        {
            await running.ListensAsync(program, port, ct);
            return running;
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }

    /// <summary>How many connections to the address it holds.</summary>
    public int ConnectionsTo(Uri address)
    {
        var sockets = Directory.GetFiles($"/proc/{Id}/fd")
            .Select(file => new FileInfo(file).LinkTarget ?? "")
            .Where(link => link.StartsWith("socket:[", StringComparison.Ordinal))
            .Select(link => link["socket:[".Length..^1])
            .ToHashSet(StringComparer.Ordinal);
        var remote = $"{Convert.ToHexString(System.Net.IPAddress.Parse(address.Host).GetAddressBytes().Reverse().ToArray())}:{address.Port:X4}";
        // The columns: number, local, remote, state (01 is established), …, the tenth is the inode. IPv4 in IPv6 sockets ends alike.
        return new[] { "tcp", "tcp6" }
            .SelectMany(family => File.ReadLines($"/proc/{Id}/net/{family}").Skip(1))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Count(columns => columns[2].EndsWith(remote, StringComparison.Ordinal) && columns[3] == "01" && sockets.Contains(columns[9]));
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
    }

    private async Task ListensAsync(string program, int port, CancellationToken ct)
    {
        var begin = Stopwatch.GetTimestamp();
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (await poll.WaitForNextTickAsync(ct))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(begin) > StartTime)
                throw new InvalidOperationException($"{program} does not listen on port {port}; it said: {Said()}");
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync("127.0.0.1", port, ct);
                return;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
    }

    private IEnumerable<int> Family()
    {
        Queue<int> left = new([Id]);
        while (left.TryDequeue(out var member))
        {
            yield return member;
            foreach (var child in ChildrenOf(member))
                left.Enqueue(child);
        }
    }

    private static int[] ChildrenOf(int process)
    {
        try
        {
            return [.. File.ReadAllText($"/proc/{process}/task/{process}/children")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(id => int.Parse(id, System.Globalization.CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static TimeSpan TimeOf(int id)
    {
        using var member = Process.GetProcessById(id);
        return member.TotalProcessorTime;
    }

    private void Note(string? line)
    {
        lock (said)
        {
            if (line is not null && said.Length < 10_000)
                said.AppendLine(line);
        }
    }

    private string Said()
    {
        lock (said)
            return said.ToString().Trim();
    }
}
