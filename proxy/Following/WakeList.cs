namespace ServiceMesh.Proxy.Following;

/// <summary>When which service must be looked at again though nothing is told of it: a drain ends, say.</summary>
internal sealed class WakeList
{
    private readonly PriorityQueue<string, DateTimeOffset> line = new();
    private readonly Dictionary<string, DateTimeOffset> valid = new(StringComparer.Ordinal);

    /// <summary>The next time; <c>null</c> for none.</summary>
    public DateTimeOffset? Next
    {
        get
        {
            while (line.TryPeek(out var service, out var at))
            {
                if (IsValid(service, at))
                    return at;
                line.Dequeue();
            }

            return null;
        }
    }

    /// <summary>Sets when a service must be looked at; <c>null</c> for no more.</summary>
    public void Set(string service, DateTimeOffset? at)
    {
        if (at is not { } time)
            valid.Remove(service);
        else if (!IsValid(service, time))
            line.Enqueue(service, valid[service] = time);
    }

    /// <summary>Takes out all whose time has come.</summary>
    public IReadOnlyList<string> Take(DateTimeOffset now)
    {
        List<string> due = [];
        while (Next <= now)
        {
            due.Add(line.Dequeue());
            valid.Remove(due[^1]);
        }

        return due;
    }

    private bool IsValid(string service, DateTimeOffset at) => valid.TryGetValue(service, out var time) && time == at;
}
