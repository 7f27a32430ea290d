namespace ServiceMesh.Proxy.Traffic.Waiting;

/// <summary>Requests that wait for a place at one of a service's instances, first come first served.</summary>
internal sealed class WaitingLine
{
    private readonly LinkedList<TaskCompletionSource> line = [];
    private int count;

    /// <summary>How many are waiting.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>Waits until a place is free, which may be taken again before the caller is there: then it waits once more.</summary>
    /// <param name="turn">Who waits.</param>
    /// <param name="hasPlace">Whether a place is free.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Ends the wait with <see cref="OperationCanceledException"/>.</param>
    /// <returns>Whether a place became free; <c>false</c> if the line is full or the time is over.</returns>
    public async ValueTask<bool> WaitAsync(Turn turn, Func<bool> hasPlace, TimeProvider time, CancellationToken ct)
    {
        var called = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var node = new LinkedListNode<TaskCompletionSource>(called);
        lock (line)
        {
            if (line.Count >= turn.Longest)
                return false;
            if (turn.IsAgain)
                line.AddFirst(node);
            else
                line.AddLast(node);
            count = line.Count;
        }

        // A place that became free before it stood in line called nobody.
        if (hasPlace())
            Call();
        try
        {
            await called.Task.WaitAsync(turn.Wait, time, ct);
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
                Call();
            throw;
        }
    }

    /// <summary>A place is free: calls the first, if any waits.</summary>
    public void Call()
    {
        if (Count == 0)
            return;
        TaskCompletionSource? turn;
        lock (line)
        {
            turn = line.First?.Value;
            if (turn is not null)
                line.RemoveFirst();
            count = line.Count;
        }

        turn?.TrySetResult();
    }

    /// <summary>There may be many free places: calls all.</summary>
    public void CallAll()
    {
        for (var waiting = Count; waiting > 0; waiting--)
            Call();
    }

    private bool TryLeave(LinkedListNode<TaskCompletionSource> node)
    {
        lock (line)
        {
            if (node.List is null)
                return false;
            line.Remove(node);
            count = line.Count;
            return true;
        }
    }
}

/// <summary>One that waits.</summary>
/// <param name="Longest">How many may wait.</param>
/// <param name="IsAgain">Whether it was called before and found its place taken: it is the first then.</param>
/// <param name="Wait">How long it waits.</param>
internal readonly record struct Turn(int Longest, bool IsAgain, TimeSpan Wait);
