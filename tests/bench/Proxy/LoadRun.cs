using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace ServiceMesh.Bench.Proxy;

/// <summary>Loads that programs made for it send: wrk as much as goes, h2load at a given rate.</summary>
internal static partial class LoadRun
{
    /// <summary>As many requests as the other side can answer.</summary>
    /// <returns>The number of answers and of failures, and how long it took.</returns>
    public static async Task<(long Answers, long Failures, TimeSpan Time)> FullAsync(Uri target, int connections, TimeSpan time, CancellationToken ct)
    {
        var text = await OutputAsync(
            "wrk", ["-t1", $"-c{connections}", $"-d{time.TotalSeconds:0}s", "--timeout", "10s", target.ToString()], ct);
        var answers = Number(text, Requests());
        var failures = SocketErrors().Match(text) is { Success: true } errors
            ? errors.Groups.Values.Skip(1).Sum(group => long.Parse(group.Value, CultureInfo.InvariantCulture))
            : 0;
        if (OtherStatus().IsMatch(text))
            failures += Number(text, OtherStatus());
        return (answers, failures, time);
    }

    /// <summary>So many requests a second, evenly over the connections; each one's time to the end of its answer.</summary>
    public static async Task<IReadOnlyList<TimeSpan>> PacedAsync(
        Uri target, int connections, double rate, TimeSpan time, string folder, CancellationToken ct)
    {
        var log = Path.Combine(folder, "paced.log");
        File.Delete(log);
        var perConnection = Math.Max(1, (int)Math.Round(rate / connections));
        await OutputAsync(
            "h2load",
            [
                "--h1", "-t1", $"-c{connections}", $"--rps={perConnection}", $"-n{(long)(perConnection * connections * time.TotalSeconds)}",
                $"--log-file={log}", target.ToString(),
            ],
            ct);
        // Its columns: when it began (µs), the status, how long it took (µs).
        var rows = (await File.ReadAllLinesAsync(log, ct)).Select(line => line.Split('\t')).ToArray();
        if (rows.Any(row => row[1] != "200"))
            throw new InvalidOperationException($"of {rows.Length} paced requests to {target} {rows.Count(row => row[1] != "200")} failed");
        return [.. rows.Select(row => TimeSpan.FromMicroseconds(long.Parse(row[2], CultureInfo.InvariantCulture)))];
    }

    private static async Task<string> OutputAsync(string program, IEnumerable<string> arguments, CancellationToken ct)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        try
        {
            var error = process.StandardError.ReadToEndAsync(ct);
            var text = await process.StandardOutput.ReadToEndAsync(ct);
            await process.WaitForExitAsync(ct);
            return process.ExitCode == 0
                ? text
                : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await error}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private static long Number(string text, Regex form) =>
        form.Match(text) is { Success: true } match
            ? long.Parse(match.Groups["n"].Value, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"wrk said something unexpected: {text}");

    [GeneratedRegex(@"^\s*(?<n>\d+) requests in", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Requests();

    [GeneratedRegex(@"Socket errors: connect (?<connect>\d+), read (?<read>\d+), write (?<write>\d+), timeout (?<timeout>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SocketErrors();

    [GeneratedRegex(@"Non-2xx or 3xx responses: (?<n>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex OtherStatus();
}
