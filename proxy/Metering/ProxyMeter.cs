using System.Collections.Concurrent;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Metering;

/// <summary>What the proxy tells of its own work: how it follows Consul, and the requests that no route led.</summary>
internal sealed class ProxyMeter
{
    private readonly ConcurrentDictionary<string, long> answeredAt = new(StringComparer.Ordinal);
    private readonly TimeProvider time;
    private long reloads;
    private long appliedAt;
    private long consulFailures;
    private long unrouted;
    private long droppedLines;

    public ProxyMeter(SnapshotHolder snapshots, BlockingQuery blocking, TimeProvider time)
    {
        this.time = time;
        snapshots.Listen(_ => Interlocked.Increment(ref reloads));
        blocking.OnFailure = _ => ConsulFailed();
        blocking.OnAnswer = subject => answeredAt[subject] = time.GetTimestamp();
    }

    /// <summary>From a change's arrival here until requests went by it.</summary>
    public Durations Lag { get; } = new();

    /// <summary>How many snapshots were put in place.</summary>
    public long Reloads => Volatile.Read(ref reloads);

    /// <summary>How long ago a change was put in effect last; <c>null</c> if none was.</summary>
    public TimeSpan? AppliedAge => Volatile.Read(ref appliedAt) is > 0 and var at ? time.GetElapsedTime(at) : null;

    public long ConsulFailures => Volatile.Read(ref consulFailures);

    public long Unrouted => Volatile.Read(ref unrouted);

    /// <summary>Lines that the access log is without.</summary>
    public long DroppedLines => Volatile.Read(ref droppedLines);

    /// <summary>How long ago Consul answered each of the questions that are asked for ever, by what is followed.</summary>
    public IEnumerable<(string Subject, TimeSpan Age)> AnswerAges() => answeredAt
        .OrderBy(answer => answer.Key, StringComparer.Ordinal)
        .Select(answer => (answer.Key, time.GetElapsedTime(answer.Value)));

    /// <summary>Takes note of what came of publishing.</summary>
    /// <param name="publication">It.</param>
    /// <param name="came">When what led to it came from Consul; <c>null</c> for what the proxy has of itself.</param>
    public void Published(Publication publication, long? came)
    {
        // A promotion that waits is a change that is not in effect: its lag is known when it is.
        if (!publication.IsInEffect)
            return;
        Volatile.Write(ref appliedAt, time.GetTimestamp());
        if (publication.Came(came) is { } since)
            Lag.Add(time.GetElapsedTime(since));
    }

    public void ConsulFailed() => Interlocked.Increment(ref consulFailures);

    public void LinesDropped(int count) => Interlocked.Add(ref droppedLines, count);

    public void NotRouted() => Interlocked.Increment(ref unrouted);
}
