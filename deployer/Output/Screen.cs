using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;

namespace ServiceMesh.Deployer.Output;

/// <summary>Where a verb's words go: colour on a terminal, plain lines elsewhere, and with <c>--json</c> only JSON on stdout.</summary>
/// <param name="output">For what was asked for.</param>
/// <param name="progress">For what happens meanwhile, where JSON was asked for.</param>
/// <param name="json">Whether JSON was asked for.</param>
/// <param name="terminal">The terminal; <c>null</c> where there is none, or JSON was asked for.</param>
/// <param name="time">For the phases.</param>
internal sealed class Screen(TextWriter output, TextWriter progress, bool json, IAnsiConsole? terminal, TimeProvider time)
{
    public Narrator Narrator { get; } =
        terminal is not null ? new TerminalNarrator(terminal, time) : new PlainNarrator(json ? progress : output, time);

    /// <summary>Writes a JSON document as one line, if JSON is asked for; only then is its form looked up, which takes a quarter of a start.</summary>
    public void Report<T>(T document, Func<ReportJson, JsonTypeInfo<T>> form)
    {
        if (json)
            output.WriteLine(JsonSerializer.Serialize(document, form(ReportJson.Default)));
    }

    /// <summary>One of many lines: as it is, or as a JSON document of its own if JSON is asked for.</summary>
    public void Print<T>(T document, Func<ReportJson, JsonTypeInfo<T>> form, string line)
    {
        Report(document, form);
        if (!json)
            output.WriteLine(ForeignText.Cleaned(line));
        EnsureTold();
    }

    /// <summary>Shows the verb's table, unless JSON is asked for.</summary>
    public void Show(Columns table)
    {
        if (json)
            return;
        if (terminal is not null)
        {
            table.Draw(terminal);
            return;
        }

        foreach (var line in table.Lines())
            output.WriteLine(line);
    }

    /// <summary>Refuses to end as if what was asked for had been told, where it could not be written.</summary>
    public void EnsureTold()
    {
        if (output is BestEffortWriter { Fault: { } fault })
            throw new DeliveryException(ExitCode.WrongInput, $"the answer could not be written: {fault.Message.TrimEnd('.')}. Make room for it, or have it written elsewhere, then run this again.", fault);
    }

    /// <summary>Shows each answer: redrawn in its place on a terminal, elsewhere only where it is another one.</summary>
    public async Task WatchAsync<T>(
        IAsyncEnumerable<T> answers, Func<ReportJson, JsonTypeInfo<T>> form, Func<T, Columns> table, Func<T, T, bool> same)
    {
        if (terminal is not null)
        {
            await terminal.Live(Text.Empty).StartAsync(async live =>
            {
                await foreach (var answer in answers)
                    live.UpdateTarget(table(answer).Redrawn());
            });
            return;
        }

        var shown = new List<T>();
        await foreach (var answer in answers)
        {
            if (shown is [var last] && same(last, answer))
                continue;
            if (shown.Count > 0 && !json)
                output.WriteLine();
            shown = [answer];
            Report(answer, form);
            Show(table(answer));
            EnsureTold();
        }
    }
}
