namespace ServiceMesh.Proxy.Traffic.Waiting;

/// <summary>
/// A service's requests that wait for a place at an instance, first come first served. Each release has a line of its own: a
/// canary that is full holds up nobody who is on his way to the other release.
/// </summary>
internal sealed class WaitingLine
{
    private readonly Dictionary<string, Line> lines = new(StringComparer.Ordinal);
    private int count;

    /// <summary>How many are waiting.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>Whether anybody waits who may take one of the places that are free now at the release's instances.</summary>
    public bool HasTaker(string release)
    {
        if (Count == 0)
            return false;
        lock (lines)
            return lines.TryGetValue(release, out var line) && line.Taker() is not null;
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

        // A place that became free before it stood in line called nobody. It is the first one's, or else its own.
        if (hasPlace() && !Call(turn.Release) && TryLeave(node))
            return true;
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

    /// <summary>A place is free at one of the release's instances: calls the first who may take it.</summary>
    /// <returns>Whether anybody may.</returns>
    public bool Call(string release)
    {
        if (Count == 0)
            return false;
        LinkedListNode<Waiter>? next;
        lock (lines)
        {
            next = lines.GetValueOrDefault(release)?.Taker();
            if (next is not null)
                Remove(next);
        }

        next?.Value.Called.TrySetResult();
        return next is not null;
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
            line = new Line();
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
        line.Choosy += turn.IsChoosy ? 1 : 0;
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
        var line = (Line)node.List!;
        line.Remove(node);
        line.Choosy -= node.Value.Turn.IsChoosy ? 1 : 0;
        if (line.Count == 0)
            lines.Remove(node.Value.Turn.Release);
        count--;
    }

    private sealed class Line : LinkedList<Waiter>
    {
        /// <summary>How many of them are choosy.</summary>
        public int Choosy { get; set; }

        /// <summary>The first who may take a place that is free; <c>null</c> for none.</summary>
        public LinkedListNode<Waiter>? Taker()
        {
            var (areAsked, choosy) = (false, Choosy);
            for (var next = First; next is not null && !(areAsked && choosy == 0); next = next.Next)
            {
                // Whoever failed at the instance that is free waits for another one, and must not be asked in vain. All others wait for
                // the same instances: the first of them is asked for all.
                if (next.Value.Turn.IsChoosy)
                    choosy--;
                else if (areAsked)
                    continue;
                else
                    areAsked = true;
                if (next.Value.HasPlace())
                    return next;
            }

            return null;
        }
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
/// <param name="IsChoosy">Whether others of the release may take places that it may not, or the other way round.</param>
internal readonly record struct Turn(string Release, int Longest, long Since, TimeSpan Wait, bool IsChoosy);
