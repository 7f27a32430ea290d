using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>How the sidecar is doing at this moment. Written by the workers, read by the status port.</summary>
internal sealed class SidecarStatus(SidecarOptions options, TimeProvider time)
{
    /// <summary>
    /// How much longer than <c>--resync</c> the reconciler may stay silent: Docker's client gives a call up 100 s after
    /// it began.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private long lastSign = time.GetTimestamp();
    private long lastSuccess;
    private volatile bool dockerIsConnected;
    private volatile bool agentAnswers;
    private volatile int containers;
    private volatile int registrations;
    private volatile int suspected;

    // Writes that failed while no other was accepted: the fault may be the agent's, or the token's. The others' is their own.
    private readonly HashSet<string> suspects = new(StringComparer.Ordinal);
    private readonly HashSet<string> alone = new(StringComparer.Ordinal);

    private bool WritesFail => suspected > (registrations > 0 ? 1 : 0);

    public bool DockerIsConnected
    {
        get => dockerIsConnected;
        set => dockerIsConnected = value;
    }

    public bool AgentAnswers
    {
        get => agentAnswers;
        set => agentAnswers = value;
    }

    /// <summary>The running containers that the last pass saw.</summary>
    public int Containers => containers;

    /// <summary>The registrations at the agent that are this sidecar's, after the last pass.</summary>
    public int Registrations => registrations;

    /// <summary>When everything was last compared, and the agent took what was to be written, in seconds since 1970; 0 if it never was.</summary>
    public double LastSuccess => TimeSpan.FromMilliseconds(Interlocked.Read(ref lastSuccess)).TotalSeconds;

    /// <summary>The reconciler lives: it did something.</summary>
    public void Sign() => Interlocked.Exchange(ref lastSign, time.GetTimestamp());

    /// <summary>
    /// A pass wrote what was due. Where nothing is accepted, nobody knows whether the agent accepts anything; a write that goes on failing
    /// after another was accepted, or that Consul finds wrong in itself, is its container's own affair, and so are those of the only
    /// container whose writes fail while others are registered.
    /// </summary>
    /// <param name="wanted">All that there was to write: its container, by subject.</param>
    /// <param name="ended">How those ended that were written: the error, or <c>null</c> for none.</param>
    public void Wrote(IReadOnlyDictionary<string, string> wanted, IReadOnlyDictionary<string, Exception?> ended)
    {
        var accepted = ended.Where(write => write.Value is null).Select(write => write.Key).ToList();
        suspects.UnionWith(ended.Where(write => write.Value is { } error && !Refusal.IsOfContent(error)).Select(write => write.Key));
        suspects.ExceptWith(accepted);
        suspects.IntersectWith(wanted.Keys);
        if (accepted.Count > 0)
            alone.UnionWith(suspects);
        alone.IntersectWith(wanted.Keys);
        suspects.ExceptWith(alone);
        suspected = suspects.Select(subject => wanted[subject]).Distinct(StringComparer.Ordinal).Count();
    }

    /// <summary>The agent accepted something else than a registration; what failed before is its containers' own affair.</summary>
    public void Accepted()
    {
        alone.UnionWith(suspects);
        suspects.Clear();
        suspected = 0;
    }

    /// <summary>A pass came to its end.</summary>
    /// <param name="running">The running containers.</param>
    /// <param name="held">What is registered for them.</param>
    /// <param name="listed">Whether the list of containers that it went by was complete.</param>
    public void PassEnded(int running, int held, bool listed)
    {
        containers = running;
        registrations = held;
        if (listed && !WritesFail)
            Interlocked.Exchange(ref lastSuccess, time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <returns>Why the sidecar should be started anew; nothing if it is healthy.</returns>
    public IReadOnlyList<string> Faults()
    {
        var silence = time.GetElapsedTime(Interlocked.Read(ref lastSign));
        return silence > options.Resync + Patience ? [$"the reconciler has done nothing for {silence.TotalSeconds:0} s"] : [];
    }

    /// <returns>What is missing before the catalog can be relied on; nothing if it can.</returns>
    public IReadOnlyList<string> Missing(bool documentsAreKnown)
    {
        var missing = new List<string>();
        if (!DockerIsConnected)
            missing.Add("Docker is not connected");
        if (!documentsAreKnown)
            missing.Add("the services' documents are not known yet");
        if (!AgentAnswers)
            missing.Add("the Consul agent does not answer");
        if (WritesFail)
            missing.Add("the Consul agent accepts no write; may the token do service:write?");
        if (LastSuccess <= 0)
            missing.Add("the first full pass is not done");
        return missing;
    }
}
