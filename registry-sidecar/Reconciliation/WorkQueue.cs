using Docker.DotNet;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What happened since the reconciler last looked. Events only mark containers here, so a thousand of them about one
/// container are one piece of work, and none can overtake another.
/// </summary>
internal sealed class WorkQueue : IDisposable
{
    private readonly Lock gate = new();
    private readonly SemaphoreSlim signal = new(0, 1);
    private Dictionary<string, Death?> containers = new(StringComparer.Ordinal);
    private EngineConnection? connection;
    private bool everything;

    /// <summary>Something happened to a container; whether it died is told by what happened last.</summary>
    public void Mark(string container, Death? death = null)
    {
        lock (gate)
            containers[container] = death;
        Wake();
    }

    /// <summary>The connection to Docker is new, so anything may have happened.</summary>
    public void Connected(EngineConnection engine)
    {
        lock (gate)
        {
            connection = engine;
            everything = true;
        }

        Wake();
    }

    /// <summary>Something else than a container changed.</summary>
    public void Wake()
    {
        lock (gate)
        {
            if (signal.CurrentCount == 0)
                signal.Release();
        }
    }

    public Work Take()
    {
        lock (gate)
        {
            var work = new Work(connection, containers, everything);
            containers = new Dictionary<string, Death?>(StringComparer.Ordinal);
            everything = false;
            return work;
        }
    }

    /// <summary>Waits for something to happen, <paramref name="patience"/> at the most.</summary>
    public async Task WaitAsync(TimeSpan patience, TimeProvider time, CancellationToken ct)
    {
        await using var timer = time.CreateTimer(_ => Wake(), state: null, patience, Timeout.InfiniteTimeSpan);
        await signal.WaitAsync(ct);
    }

    public void Dispose() => signal.Dispose();
}

/// <summary>What there is to do.</summary>
/// <param name="Connection">The newest connection to Docker; <c>null</c> before the first.</param>
/// <param name="Containers">The containers that something happened to, and how they died if that was the last of it.</param>
/// <param name="Everything">Whether any container may have changed.</param>
internal sealed record Work(EngineConnection? Connection, IReadOnlyDictionary<string, Death?> Containers, bool Everything);

/// <summary>A container's end, as Docker's event tells of it.</summary>
internal sealed record Death(DateTimeOffset At, long ExitCode);

/// <summary>A Docker Engine that answers, and the name of its host.</summary>
internal sealed record EngineConnection(IDockerClient Client, string HostName);
