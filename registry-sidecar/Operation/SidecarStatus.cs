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

    /// <summary>When everything was last compared, in seconds since 1970; 0 if it never was.</summary>
    public double LastSuccess => TimeSpan.FromMilliseconds(Interlocked.Read(ref lastSuccess)).TotalSeconds;

    /// <summary>The reconciler lives: it did something.</summary>
    public void Sign() => Interlocked.Exchange(ref lastSign, time.GetTimestamp());

    /// <summary>A pass came to its end.</summary>
    /// <param name="running">The running containers.</param>
    /// <param name="held">What is registered for them.</param>
    /// <param name="listed">Whether the list of containers that it went by was complete.</param>
    public void PassEnded(int running, int held, bool listed)
    {
        containers = running;
        registrations = held;
        if (listed)
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
        if (LastSuccess <= 0)
            missing.Add("the first full pass is not done");
        return missing;
    }
}
