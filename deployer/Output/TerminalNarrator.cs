using Spectre.Console;

namespace ServiceMesh.Deployer.Output;

/// <summary>The same lines in colour, with the running phase shown while it runs.</summary>
internal sealed class TerminalNarrator(IAnsiConsole console, TimeProvider time) : Narrator(time)
{
    private static readonly ControlCode Erased = new("\r\u001b[K");

    private readonly Lock writing = new();
    private string? running;
    private string progress = "";

    protected override TimeSpan BetweenProgress => TimeSpan.FromMilliseconds(200);

    protected override void Begin(string phase)
    {
        lock (writing)
        {
            (running, progress) = (phase, "");
            ShowRunning();
        }
    }

    protected override void ShowProgress(string words)
    {
        lock (writing)
        {
            progress = words;
            console.Write(Erased);
            ShowRunning();
        }
    }

    protected override void End(PhaseRecord phase)
    {
        running = null;
        var mark = phase.Ok ? "[green]✓[/]" : "[red]✗[/]";
        Line($"{mark} {phase.Name,-8} [grey]{phase.Seconds,7:0.0} s[/]  {Markup.Escape(phase.Detail)}");
    }

    protected override void ShowRelayed(string line) => Line($"  [grey]│ {Markup.Escape(line)}[/]");

    protected override void ShowRemark(string sentence) => Line(Markup.Escape(sentence));

    protected override void ShowWarning(string sentence) => Line($"[yellow]warning:[/] {Markup.Escape(sentence)}");

    protected override void ShowFailure(string sentence) => Line($"[red]error:[/] {Markup.Escape(sentence)}");

    // The running phase's own line is overwritten by whatever is said next, and then said again below it.
    private void Line(string markup)
    {
        // A warning may come from beside the phase.
        lock (writing)
        {
            console.Write(Erased);
            console.MarkupLine(markup);
            ShowRunning();
        }
    }

    private void ShowRunning()
    {
        if (running is not null)
            console.Markup($"[grey]… {running} {progress}[/]");
    }
}
