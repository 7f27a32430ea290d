using ServiceMesh.Policy;

namespace ServiceMesh.Proxy.Health;

/// <summary>What this proxy itself found out about an instance, beside Consul's word. Immutable.</summary>
/// <param name="Admission">What its probes said.</param>
/// <param name="EjectedUntil">Until when its own answers keep it out of the traffic; <c>null</c> if they do not.</param>
/// <param name="ReturnedAt">When its last ejection ended; <c>null</c> if there was none.</param>
/// <param name="Ejections">How many ejections there were in a row.</param>
internal sealed record MemberHealth(Admission Admission, DateTimeOffset? EjectedUntil = null, DateTimeOffset? ReturnedAt = null, int Ejections = 0)
{
    private const int LongestInFirsts = 10;

    /// <summary>Nothing is known yet.</summary>
    public static MemberHealth New { get; } = new(Admission.Pending);

    /// <summary>What is known after a finding; an instance that is out already is not put out again.</summary>
    public MemberHealth After(FindingKind finding, PassivePolicy policy, DateTimeOffset now) => finding switch
    {
        FindingKind.Answers => this with { Admission = Admission.Admitted },
        FindingKind.AnswersNotAnyMore => this with { Admission = Admission.Failed },
        FindingKind.Ejectable when EjectedUntil is null => Ejected(policy, now),
        _ => this,
    };

    /// <summary>What holds at a time: after its ejection an instance has to answer a probe, but for one that stayed in the traffic all the same.</summary>
    public MemberHealth At(DateTimeOffset now, bool inTraffic) => EjectedUntil is { } until && until <= now
        ? this with { EjectedUntil = null, ReturnedAt = until, Admission = inTraffic ? Admission : Admission.Pending }
        : this;

    private MemberHealth Ejected(PassivePolicy policy, DateTimeOffset now)
    {
        var first = policy.Ejection ?? PassivePolicy.DefaultEjection;
        // Whoever is out again before it could have shown itself to be sound is out for longer.
        var soon = LengthOf(Ejections, first) + (policy.Window ?? PassivePolicy.DefaultWindow);
        var inRow = ReturnedAt is { } returned && now - returned < soon ? Ejections + 1 : 1;
        return this with { EjectedUntil = now + LengthOf(inRow, first), Ejections = inRow };
    }

    private static TimeSpan LengthOf(int inRow, TimeSpan first) => first * Math.Min(LongestInFirsts, Math.Pow(2, inRow - 1));
}

/// <summary>What the probes of an instance said.</summary>
internal enum Admission
{
    /// <summary>None has succeeded yet.</summary>
    Pending,

    /// <summary>It answers.</summary>
    Admitted,

    /// <summary>It answered once, and does not any more.</summary>
    Failed,
}

/// <summary>Something that was found out about an instance.</summary>
/// <param name="Member">The instance.</param>
/// <param name="Kind">What.</param>
internal readonly record struct HealthFinding(Snapshots.MemberState Member, FindingKind Kind);

/// <summary>What may be found out about an instance.</summary>
internal enum FindingKind
{
    /// <summary>It answers its probes.</summary>
    Answers,

    /// <summary>It does not answer its probes.</summary>
    AnswersNotAnyMore,

    /// <summary>Its own answers to requests, or the lack of them, are reason enough to eject it.</summary>
    Ejectable,
}
