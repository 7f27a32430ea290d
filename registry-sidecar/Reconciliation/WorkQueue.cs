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
    private Dictionary<string, Happened> containers = new(StringComparer.Ordinal);
    private EngineConnection? connection;
    private bool everything;

    /// <summary>A container died or, without a death, is to be looked at whatever happened to it before.</summary>
    public void Mark(string container, Death? death = null) => Mark(
        container,
        death is null ? new Happened(EventEffect.LookedAtAnyway) : new Happened(EventEffect.PresumedDead, death));

    /// <summary>Something happened to a container.</summary>
    public void Mark(string container, Happened happened)
    {
        lock (gate)
            containers[container] = containers.TryGetValue(container, out var before) ? before.Then(happened) : happened;
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
            containers = new Dictionary<string, Happened>(StringComparer.Ordinal);
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
/// <param name="Containers">What happened to which container.</param>
/// <param name="Everything">Whether any container may have changed.</param>
internal sealed record Work(EngineConnection? Connection, IReadOnlyDictionary<string, Happened> Containers, bool Everything);

/// <summary>A Docker Engine that answers, and the name of its host.</summary>
internal sealed record EngineConnection(IDockerClient Client, string HostName);
