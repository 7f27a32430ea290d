using System.CommandLine;
using System.Text.Json.Serialization.Metadata;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>Runs a verb and turns however it ends into words, JSON and an exit code.</summary>
internal static class VerbRunner
{
    /// <summary>A verb that changes something; <paramref name="read"/> refuses wrong input before any part of the mesh is asked.</summary>
    public static Task<int> DeliverAsync<T>(
        ParseResult parse, string action, Func<T> read, Func<T, Mesh, ContainerHosts, Narrator, CancellationToken, Task<Delivered>> work, CancellationToken ct) =>
        DeliverAsync(parse, action, read, _ => [], work, ct);

    /// <summary>The same for one that makes containers on the hosts that <paramref name="wanted"/> names.</summary>
    public static Task<int> DeliverAsync<T>(
        ParseResult parse,
        string action,
        Func<T> read,
        Func<T, IReadOnlyList<string>> wanted,
        Func<T, Mesh, ContainerHosts, Narrator, CancellationToken, Task<Delivered>> work,
        CancellationToken ct) => ChangeAsync(
        parse,
        action,
        read,
        async (input, mesh, narrator, token) => await work(input, mesh, await mesh.HostsAsync(wanted(input), narrator, token), narrator, token),
        ct);

    /// <summary>The same for a verb that needs no Docker host.</summary>
    public static async Task<int> ChangeAsync<T>(
        ParseResult parse, string action, Func<T> read, Func<T, Mesh, Narrator, CancellationToken, Task<Delivered>> work, CancellationToken ct)
    {
        var screen = ScreenOf(parse);
        var narrator = screen.Narrator;
        try
        {
            var input = read();
            using var mesh = new Mesh(MeshOptions.Settings(parse), TimeProvider.System);
            var delivered = await work(input, mesh, narrator, ct);
            narrator.Say($"{delivered.Service} {delivered.What ?? $"{delivered.Release.Version} is active"}, after {narrator.Elapsed.TotalSeconds:0.0} s");
            screen.Report(
                Ended(action, narrator, ExitCode.Done) with
                {
                    Service = delivered.Service,
                    Release = delivered.Release,
                    Replaced = delivered.Replaced,
                    Index = delivered.Index,
                    What = delivered.What,
                    Tests = delivered.Tests,
                },
                json => json.DeliveryReport);
            return (int)ExitCode.Done;
        }
        catch (Exception error) when (Explain(error, ct) is { } fault)
        {
            narrator.Fail(fault.Message, fault.LogTail);
            screen.Report(
                Ended(action, narrator, fault.Code) with
                {
                    Error = fault.Message,
                    ManifestErrors = fault.ManifestErrors,
                    LogTail = fault.LogTail,
                    Tests = fault.Tests,
                },
                json => json.DeliveryReport);
            return (int)fault.Code;
        }
    }

    /// <summary>A verb that only tells.</summary>
    public static async Task<int> TellAsync<T>(
        ParseResult parse, Func<Mesh, Narrator, CancellationToken, Task<T>> ask, Func<ReportJson, JsonTypeInfo<T>> form, Func<T, Columns> table, CancellationToken ct)
    {
        var screen = ScreenOf(parse);
        try
        {
            using var mesh = new Mesh(MeshOptions.Settings(parse), TimeProvider.System);
            var answer = await ask(mesh, screen.Narrator, ct);
            screen.Report(answer, form);
            screen.Show(table(answer));
            return (int)ExitCode.Done;
        }
        catch (Exception error) when (Explain(error, ct) is { } fault)
        {
            screen.Narrator.Fail(fault.Message, fault.LogTail);
            screen.Report(new FailureReport((int)fault.Code, fault.Message), json => json.FailureReport);
            return (int)fault.Code;
        }
    }

    /// <summary>A verb that needs nothing but its input.</summary>
    public static int Read<T>(ParseResult parse, Func<T> read, Func<ReportJson, JsonTypeInfo<T>> form, Func<T, Columns> table)
    {
        var screen = ScreenOf(parse);
        try
        {
            var answer = read();
            screen.Report(answer, form);
            screen.Show(table(answer));
            return (int)ExitCode.Done;
        }
        catch (DeliveryException fault)
        {
            screen.Narrator.Fail(fault.Message, fault.LogTail);
            screen.Report(new FailureReport((int)fault.Code, fault.Message) { ManifestErrors = fault.ManifestErrors }, json => json.FailureReport);
            return (int)fault.Code;
        }
    }

    private static DeliveryException? Explain(Exception error, CancellationToken ct) =>
        error is OperationCanceledException && ct.IsCancellationRequested ? Faults.Interrupted() : Faults.Explain(error);

    private static DeliveryReport Ended(string action, Narrator narrator, ExitCode code) => new()
    {
        Action = action,
        ExitCode = (int)code,
        Seconds = Math.Round(narrator.Elapsed.TotalSeconds, 3),
        Phases = narrator.Phases,
        Warnings = narrator.Warnings,
    };

    private static Screen ScreenOf(ParseResult parse)
    {
        var (output, error) = (parse.InvocationConfiguration.Output, parse.InvocationConfiguration.Error);
        var isTerminal = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected
            && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb")
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new Screen(output, error, parse.GetValue(MeshOptions.Json), isTerminal, TimeProvider.System);
    }
}
