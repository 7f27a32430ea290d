namespace ServiceMesh.Proxy.Traffic.Waiting;

/// <summary>
/// A service's requests that wait for a place at an instance, first come first served. Each release has a line of its own: a
/// canary that is full holds up nobody who is on his way to the other release.
/// </summary>
internal sealed class WaitingLine
{
    private readonly Dictionary<string, LinkedList<Waiter>> lines = new(StringComparer.Ordinal);
    private int count;

    /// <summary>How many are waiting.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>Whether anybody waits who may take one of the places that are free now at the release's instances.</summary>
    public bool HasTaker(string release)
    {
        if (Count == 0)
            return false;
        lock (lines)
            return lines.TryGetValue(release, out var line) && line.Any(waiter => waiter.HasPlace());
    }

    /// <summary>Waits until a place is free, which may be taken again before the caller is there: then it waits once more.</summary>
    /// <param name="turn">Who waits.</param>
    /// <param name="hasPlace">Whether there is a place that this one may take.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Ends the wait with <see cref="OperationCanceledException"/>.</param>
    /// <returns>Whether a place became free; <c>false</c> if the line is full or the time is over.</returns>
    public async ValueTask<bool> WaitAsync(Turn turn, Func<bool> hasPlace, TimeProvider time, CancellationToken ct)
    {
        var node = new LinkedListNode<Waiter>(new Waiter(turn, hasPlace));
        lock (lines)
        {
            if (!TryStand(node))
                return false;
        }

        // A place that became free before it stood in line called nobody.
        if (hasPlace())
            Call(turn.Release);
        try
        {
            await node.Value.Called.Task.WaitAsync(turn.Wait, time, ct);
            return true;
        }
        catch (TimeoutException)
        {
            return !TryLeave(node);
        }
        catch (OperationCanceledException)
        {
            // Its turn had come already: the place is the next one's.
            if (!TryLeave(node))
                Call(turn.Release);
            throw;
        }
    }

    /// <summary>A place is free at one of the release's instances: calls the first who may take it, if any does.</summary>
    public void Call(string release)
    {
        if (Count == 0)
            return;
        LinkedListNode<Waiter>? next;
        lock (lines)
        {
            next = lines.GetValueOrDefault(release)?.First;
            // Whoever failed at the instance that is free waits for another one, and must not be asked in vain.
            while (next is not null && !next.Value.HasPlace())
                next = next.Next;
            if (next is not null)
                Remove(next);
        }

        next?.Value.Called.TrySetResult();
    }

    /// <summary>There may be many free places, or others than before: calls all.</summary>
    public void CallAll()
    {
        if (Count == 0)
            return;
        Waiter[] all;
        lock (lines)
        {
            all = [.. lines.Values.SelectMany(line => line)];
            foreach (var line in lines.Values)
                line.Clear();
            lines.Clear();
            count = 0;
        }

        foreach (var waiter in all)
            waiter.Called.TrySetResult();
    }

    private bool TryStand(LinkedListNode<Waiter> node)
    {
        var turn = node.Value.Turn;
        if (!lines.TryGetValue(turn.Release, out var line))
            line = [];
        if (line.Count >= turn.Longest)
            return false;
        // Whoever was called and found its place taken has its old place in the line, mostly the first one. Those that a pause held
        // come almost in their order, thousands at once.
        var earlier = line.First?.Value.Turn.Since > turn.Since ? null : line.Last;
        while (earlier?.Value.Turn.Since > turn.Since)
            earlier = earlier.Previous;
        if (earlier is null)
            line.AddFirst(node);
        else
            line.AddAfter(earlier, node);
        lines[turn.Release] = line;
        count++;
        return true;
    }

    private bool TryLeave(LinkedListNode<Waiter> node)
    {
        lock (lines)
        {
            if (node.List is null)
                return false;
            Remove(node);
            return true;
        }
    }

    private void Remove(LinkedListNode<Waiter> node)
    {
        var line = node.List!;
        line.Remove(node);
        if (line.Count == 0)
            lines.Remove(node.Value.Turn.Release);
        count--;
    }

    private sealed record Waiter(Turn Turn, Func<bool> HasPlace)
    {
        public TaskCompletionSource Called { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>One that waits.</summary>
/// <param name="Release">The deployment id of the release that it waits for a place at.</param>
/// <param name="Longest">How many may wait there.</param>
/// <param name="Since">When it began to wait, by any clock that only grows: its place among the others.</param>
/// <param name="Wait">How long it waits.</param>
internal readonly record struct Turn(string Release, int Longest, long Since, TimeSpan Wait);
