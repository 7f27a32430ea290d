using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>Runs a verb and turns however it ends into words, JSON and an exit code.</summary>
internal static class VerbRunner
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

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
        async (input, mesh, narrator, token) => await work(input, mesh, await mesh.HostsAsync(wanted(input), token), narrator, token),
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
            using var mesh = MeshOf(parse, screen.Narrator);
            var delivered = await work(input, mesh, narrator, ct);
            narrator.Say($"{delivered.Service} {delivered.What ?? $"{delivered.After?.Active?.Version} is active"}, after {narrator.Elapsed.TotalSeconds:0.0} s");
            screen.Report(
                Ended(action, narrator, ExitCode.Done) with
                {
                    Service = delivered.Service,
                    Release = delivered.Release,
                    Replaced = delivered.Replaced,
                    Active = delivered.After?.Active,
                    Split = delivered.After?.Split,
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
                    Service = fault.Tried?.Service,
                    Release = fault.Tried?.Release,
                    Tests = fault.Tried?.Tests ?? [],
                    ManifestErrors = fault.ManifestErrors,
                    LogTail = fault.LogTail,
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
            using var mesh = MeshOf(parse, screen.Narrator);
            var answer = await ask(mesh, screen.Narrator, ct);
            screen.Report(answer, form);
            screen.Show(table(answer));
            screen.EnsureTold();
            return (int)ExitCode.Done;
        }
        catch (Exception error) when (Explain(error, ct) is { } fault)
        {
            return Failed(screen, fault);
        }
    }

    /// <summary>A verb that tells again after each change until it is interrupted, which is its usual end.</summary>
    public static Task<int> WatchAsync<T>(
        ParseResult parse,
        Func<Mesh, Narrator, CancellationToken, Task<T>> ask,
        Func<ReportJson, JsonTypeInfo<T>> form,
        Func<T, Columns> table,
        Func<T, T, bool> same,
        CancellationToken ct) => StreamAsync(
        parse,
        (mesh, screen, token) => screen.WatchAsync(
            Again(within => ask(mesh, screen.Narrator, within), screen.Narrator, mesh.Time, token), form, table, same),
        ct);

    /// <summary>A verb that prints as it goes; that it is interrupted is one of its usual ends.</summary>
    public static async Task<int> StreamAsync(ParseResult parse, Func<Mesh, Screen, CancellationToken, Task> work, CancellationToken ct)
    {
        var screen = ScreenOf(parse);
        try
        {
            using var mesh = MeshOf(parse, screen.Narrator);
            await work(mesh, screen, ct);
            return (int)ExitCode.Done;
        }
        // Whatever a cancelled call ends with, but for what had failed before.
        catch (Exception error) when (ct.IsCancellationRequested && error is not DeliveryException && Explain(error, ct) is not null)
        {
            return (int)ExitCode.Done;
        }
        catch (Exception error) when (Explain(error, ct) is { } fault)
        {
            return Failed(screen, fault);
        }
    }

    // What cannot be asked at the first time ends it; afterwards it is said once, and asked again.
    private static async IAsyncEnumerable<T> Again<T>(
        Func<CancellationToken, Task<T>> ask, Narrator narrator, TimeProvider time, [EnumeratorCancellation] CancellationToken ct)
    {
        yield return await ask(ct);
        using var timer = new PeriodicTimer(WatchInterval, time);
        while (await timer.WaitForNextTickAsync(ct))
        {
            var answers = new List<T>(1);
            try
            {
                answers.Add(await ask(ct));
            }
            catch (Exception error) when (!ct.IsCancellationRequested && Explain(error, ct) is { } fault)
            {
                narrator.Warn(fault.Message);
            }

            foreach (var answer in answers)
                yield return answer;
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
            screen.EnsureTold();
            return (int)ExitCode.Done;
        }
        catch (DeliveryException fault)
        {
            return Failed(screen, fault);
        }
    }

    /// <summary>A line that cannot be understood, with JSON asked for all the same.</summary>
    public static int WrongUse(IEnumerable<string> faults, TextWriter output, TextWriter error) => Failed(
        new Screen(output, error, json: true, terminal: null, TimeProvider.System),
        new DeliveryException(ExitCode.WrongInput, string.Join('\n', faults)));

    private static int Failed(Screen screen, DeliveryException fault)
    {
        screen.Narrator.Fail(fault.Message, fault.LogTail);
        screen.Report(new FailureReport((int)fault.Code, fault.Message) { ManifestErrors = fault.ManifestErrors }, json => json.FailureReport);
        return (int)fault.Code;
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

    private static Mesh MeshOf(ParseResult parse, Narrator narrator) => new(MeshOptions.Settings(parse), TimeProvider.System) { Warn = narrator.Warn };

    private static Screen ScreenOf(ParseResult parse)
    {
        var (output, error) = (parse.InvocationConfiguration.Output, parse.InvocationConfiguration.Error);
        var json = parse.GetValue(MeshOptions.Json);
        var isTerminal = output is BestEffortWriter && !Console.IsOutputRedirected
            && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb")
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        // Finding out what the terminal can do takes time, so it is done only where there is one.
        return new Screen(output, error, json, isTerminal && !json ? Spectre.Console.AnsiConsole.Console : null, TimeProvider.System);
    }
}
