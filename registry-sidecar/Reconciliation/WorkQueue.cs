using Docker.DotNet;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What happened since the reconciler last looked. Events only mark containers here, so a thousand of them about one
/// container are one piece of work, and none can overtake another.
/// </summary>
internal sealed class WorkQueue
{
    private readonly Lock gate = new();
    private TaskCompletionSource? waiting;
    private bool woken;
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
            Add(container, happened);
        Wake();
    }

    /// <summary>The connection to Docker is new, so anything may have happened.</summary>
    /// <param name="engine">The connection.</param>
    /// <param name="before">What is known to have happened before, oldest first: whoever takes the connection takes that with it.</param>
    public void Connected(EngineConnection engine, params IEnumerable<(string Container, Happened Happened)> before)
    {
        lock (gate)
        {
            connection = engine;
            everything = true;
            foreach (var (container, happened) in before)
                Add(container, happened);
        }

        Wake();
    }

    /// <summary>Something else than a container changed. Whoever waits goes on before this returns.</summary>
    public void Wake()
    {
        TaskCompletionSource? waiter;
        lock (gate)
        {
            (waiter, waiting) = (waiting, null);
            woken = waiter is null;
        }

        // On this very thread: to change to another one is a good part of the way from an event to the catalog.
        waiter?.TrySetResult();
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

    private void Add(string container, Happened happened) =>
        containers[container] = containers.TryGetValue(container, out var before) ? before.Then(happened) : happened;

    /// <summary>Waits for something to happen, <paramref name="patience"/> at the most.</summary>
    public async Task WaitAsync(TimeSpan patience, TimeProvider time, CancellationToken ct)
    {
        var waiter = new TaskCompletionSource();
        lock (gate)
        {
            if (woken)
            {
                woken = false;
                return;
            }

            waiting = waiter;
        }

        await using var timer = time.CreateTimer(_ => Wake(), state: null, patience, Timeout.InfiniteTimeSpan);
        await using var cancelled = ct.UnsafeRegister(_ => waiter.TrySetCanceled(ct), state: null);
        await waiter.Task;
    }
}

/// <summary>What there is to do.</summary>
/// <param name="Connection">The newest connection to Docker; <c>null</c> before the first.</param>
/// <param name="Containers">What happened to which container.</param>
/// <param name="Everything">Whether any container may have changed.</param>
internal sealed record Work(EngineConnection? Connection, IReadOnlyDictionary<string, Happened> Containers, bool Everything);

/// <summary>A Docker Engine that answers, and the name of its host.</summary>
internal sealed record EngineConnection(IDockerClient Client, string HostName);
