namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>
/// When Docker's events happened that the catalog does not show yet, one for each container. An event that leads to no write
/// is forgotten at the end of the pass that saw it.
/// </summary>
internal sealed class PendingEvents
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Pending> events = new(StringComparer.Ordinal);

    public int Count
    {
        get
        {
            lock (gate)
                return events.Count;
        }
    }

    public void Happened(string container, DateTimeOffset at)
    {
        lock (gate)
        {
            // What no pass has looked at yet is one change of the catalog, which is due since the first of them.
            if (!events.TryGetValue(container, out var known) || known.State != State.New)
                events[container] = new Pending(at, State.New);
        }
    }

    /// <summary>A pass begins: it looks at all that happened before.</summary>
    public void PassBegan()
    {
        lock (gate)
        {
            foreach (var (container, known) in events.ToList())
                events[container] = known with { State = known.State is State.New or State.Seen ? State.Seen : State.Owed };
        }
    }

    /// <summary>A write for the container succeeded.</summary>
    /// <returns>When the event happened that it answers; <c>null</c> if there was none, as after a resync.</returns>
    public DateTimeOffset? Written(string container) => Note(container, State.Written);

    /// <summary>A write for the container failed, and is tried again.</summary>
    public void Failed(string container) => Note(container, State.Failed);

    /// <summary>What failed in an earlier pass and is not to be written any more is owed no longer: the event that would say so may be lost.</summary>
    /// <param name="wanted">The containers of all that there is to write.</param>
    public void Planned(IEnumerable<string> wanted)
    {
        lock (gate)
        {
            var owed = events.Where(entry => entry.Value.State == State.Owed).Select(entry => entry.Key).ToList();
            if (owed.Count == 0)
                return;
            foreach (var container in owed.Except(wanted, StringComparer.Ordinal))
                events.Remove(container);
        }
    }

    /// <summary>Nothing is written now, and nothing will be for these containers.</summary>
    public void Forget(Func<string, bool> gone)
    {
        lock (gate)
        {
            foreach (var container in events.Keys.Where(gone).ToList())
                events.Remove(container);
        }
    }

    /// <summary>The pass came to its end.</summary>
    /// <param name="hasMore">Whether the next one goes on with the same writes, so that what led to none yet may still do so.</param>
    public void PassEnded(bool hasMore = false)
    {
        lock (gate)
        {
            foreach (var (container, _) in events.Where(entry => entry.Value.State is State.Written || (entry.Value.State is State.Seen && !hasMore)).ToList())
                events.Remove(container);
        }
    }

    private DateTimeOffset? Note(string container, State state)
    {
        lock (gate)
        {
            if (!events.TryGetValue(container, out var known))
                return null;
            // Of several ports one that failed is still to be written.
            if (known.State != State.Failed || state != State.Written)
                events[container] = known with { State = state };
            return known.At;
        }
    }

    private enum State
    {
        New,
        Seen,
        Written,
        Failed,

        /// <summary>It failed in an earlier pass.</summary>
        Owed,
    }

    private sealed record Pending(DateTimeOffset At, State State);
}
