namespace ServiceMesh.Deployer.Output;

/// <summary>
/// Tells the person what happens, a line a phase, and remembers it for <c>--json</c>. Whoever wrote a part of it, what is shown
/// does nothing to a terminal.
/// </summary>
internal abstract class Narrator(TimeProvider time)
{
    private readonly List<PhaseRecord> phases = [];
    private readonly List<string> warnings = [];
    private readonly long started = time.GetTimestamp();
    private readonly Lock telling = new();
    private long progressed;

    public IReadOnlyList<PhaseRecord> Phases => phases;

    public IReadOnlyList<string> Warnings => warnings;

    public TimeSpan Elapsed => time.GetElapsedTime(started);

    /// <summary>Runs one phase; <paramref name="work"/> gives its result and what to say of it.</summary>
    public async Task<T> PhaseAsync<T>(string name, Func<Task<(T Result, string Detail)>> work)
    {
        var began = progressed = time.GetTimestamp();
        Begin(name);
        try
        {
            var (result, detail) = await work();
            Note(new PhaseRecord(name, Seconds(began), Ok: true, detail));
            return result;
        }
        catch (Exception error)
        {
            Note(new PhaseRecord(name, Seconds(began), Ok: false, error is OperationCanceledException ? "interrupted" : "failed"));
            throw;
        }
    }

    /// <summary>Told once, however often it happens, and by whomever at the same time.</summary>
    public void Warn(string sentence)
    {
        lock (telling)
        {
            if (warnings.Contains(sentence))
                return;
            warnings.Add(sentence);
            ShowWarning(ForeignText.Cleaned(sentence));
        }
    }

    /// <summary>How far the running phase is. Said now and then only, however often it is told, and by whomever at the same time.</summary>
    public void Progress(string words)
    {
        lock (telling)
        {
            if (time.GetElapsedTime(progressed) < BetweenProgress)
                return;
            progressed = time.GetTimestamp();
            ShowProgress(ForeignText.CleanedLine(words));
        }
    }

    /// <summary>One line that a container printed.</summary>
    public void Relay(string line) => ShowRelayed(ForeignText.CleanedLine(line));

    /// <summary>A remark that is no warning.</summary>
    public void Say(string sentence) => ShowRemark(ForeignText.Cleaned(sentence));

    public void Fail(string sentence, IReadOnlyList<string> logTail)
    {
        foreach (var line in logTail)
            Relay(line);
        ShowFailure(ForeignText.Cleaned(sentence));
    }

    /// <summary>How seldom it is said how far a phase is.</summary>
    protected abstract TimeSpan BetweenProgress { get; }

    protected abstract void ShowProgress(string words);

    protected abstract void Begin(string phase);

    protected abstract void End(PhaseRecord phase);

    protected abstract void ShowRelayed(string line);

    protected abstract void ShowRemark(string sentence);

    protected abstract void ShowWarning(string sentence);

    protected abstract void ShowFailure(string sentence);

    private void Note(PhaseRecord phase)
    {
        phases.Add(phase);
        End(phase with { Detail = ForeignText.Cleaned(phase.Detail) });
    }

    private double Seconds(long began) => Math.Round(time.GetElapsedTime(began).TotalSeconds, 3);
}

/// <summary>One finished phase of a delivery.</summary>
internal sealed record PhaseRecord(string Name, double Seconds, bool Ok, string Detail);
