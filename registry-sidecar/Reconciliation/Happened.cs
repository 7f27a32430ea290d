namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>What the sidecar does about an event of Docker.</summary>
internal enum EventEffect
{
    /// <summary>Nothing: Docker does not even send it, as far as its filter can tell it apart.</summary>
    Ignored,

    /// <summary>A container that runs is looked at again.</summary>
    LookedAt,

    /// <summary>A container that runs is looked at again; one that does not is about to start, and asked for ahead.</summary>
    LookedAtAhead,

    /// <summary>The container is looked at again at once, whatever was believed of it; if that run got a signal, as such.</summary>
    LookedAtAnyway,

    /// <summary>The same; and the answer that was asked for ahead will do.</summary>
    Started,

    /// <summary>The container is believed dead, and verified a second later.</summary>
    PresumedDead,

    /// <summary>Believed dead if the signal ends this container, and verified after its stop timeout; else looked at again.</summary>
    PresumedDeadBySignal,
}

/// <summary>What happened to a container since the last look, as far as it matters.</summary>
/// <param name="Effect">What is to be done.</param>
/// <param name="Death">How it died, or which signal it got.</param>
internal sealed record Happened(EventEffect Effect, Death? Death = null)
{
    /// <summary>When it started, by Docker's clock; <c>null</c> if it was not told to. The last one counts.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>Whether it runs, as far as that was told: a death may be told after the start that followed it.</summary>
    public bool MayRun => Effect is EventEffect.Started or EventEffect.LookedAtAnyway || Started > Death?.At;

    /// <summary>Both, this and then <paramref name="next"/>, in one.</summary>
    public Happened Then(Happened next) =>
        Both(next) with { Started = Started > next.Started ? Started : next.Started ?? Started };

    private Happened Both(Happened next) => next.Effect switch
    {
        // What was asked ahead may be of an earlier start, or of before what came after the start.
        EventEffect.Started => Again,
        EventEffect.LookedAt or EventEffect.LookedAtAhead when Effect == EventEffect.Started => Again,
        // Docker disconnects a dying container's networks after its death; that says nothing new.
        EventEffect.LookedAt or EventEffect.LookedAtAhead => this,
        EventEffect.PresumedDeadBySignal when Effect == EventEffect.PresumedDead => this,
        // Which of its runs got the signal, only a look can tell.
        EventEffect.PresumedDeadBySignal when Effect is EventEffect.Started or EventEffect.LookedAtAnyway => Again with { Death = next.Death!.After(Death) },
        _ => next with { Death = next.Death?.After(Death) },
    };

    private static Happened Again { get; } = new(EventEffect.LookedAtAnyway);
}

/// <summary>A container's end, as Docker's event tells of it.</summary>
/// <param name="At">When, by Docker's clock.</param>
/// <param name="ExitCode">The exit code; for a signal the one that it leads to if nothing handles it.</param>
/// <param name="Signal">The signal that was sent; <c>null</c> if the container did end.</param>
internal sealed record Death(DateTimeOffset At, long ExitCode, string? Signal = null)
{
    /// <summary>No program can end with it, so it goes only where it does not matter how one ended.</summary>
    public const long UnknownExitCode = -1;

    /// <summary>How long ago it was when Docker told of it, as Docker tells again what happened before somebody asked.</summary>
    public TimeSpan Age { get; init; }

    /// <summary>The signal that came before it: which of them ends a container, only that container tells.</summary>
    public Death? Before { get; init; }

    /// <summary>This one and the signals before it, the last first.</summary>
    public IEnumerable<Death> All
    {
        get
        {
            for (var one = this; one is not null; one = one.Before)
                yield return one;
        }
    }

    /// <summary>This one with the signals that came before it, each once.</summary>
    public Death After(Death? earlier) => this with { Before = Before?.After(earlier?.Without(Signal)) ?? earlier?.Without(Signal) };

    private Death? Without(string? signal) => Signal is null || Signal == signal ? Before?.Without(signal) : this with { Before = Before?.Without(signal) };
}
