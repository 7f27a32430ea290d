namespace ServiceMesh.Deployer.Output;

/// <summary>Lines without colour or cursor, for logs and pipes.</summary>
internal sealed class PlainNarrator(TextWriter output, TimeProvider time) : Narrator(time)
{
    private string running = "";

    protected override TimeSpan BetweenProgress => TimeSpan.FromSeconds(10);

    protected override void ShowProgress(string words) => output.WriteLine($"... {running,-8}            {words}");

    // Said at its end, with the time it took.
    protected override void Begin(string phase) => running = phase;

    protected override void End(PhaseRecord phase) =>
        output.WriteLine($"{(phase.Ok ? "ok" : "no"),-3} {phase.Name,-8} {phase.Seconds,7:0.0} s  {phase.Detail}");

    protected override void ShowRelayed(string line) => output.WriteLine($"  | {line}");

    protected override void ShowRemark(string sentence) => output.WriteLine(sentence);

    protected override void ShowWarning(string sentence) => output.WriteLine($"warning: {sentence}");

    protected override void ShowFailure(string sentence) => output.WriteLine($"error: {sentence}");
}
