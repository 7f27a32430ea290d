namespace ServiceMesh.Tests.Integration;

/// <summary>
/// What a test has started, disposed of last first: also where a later start fails, and each even where the disposal of another
/// fails. A proxy or a deploy that is left over would take the time of every test that follows.
/// </summary>
internal sealed class AsyncDisposables : IAsyncDisposable
{
    private readonly Stack<Func<ValueTask>> ends = new();

    public T Add<T>(T started)
        where T : IAsyncDisposable
    {
        ends.Push(started.DisposeAsync);
        return started;
    }

    public void Add(Func<Task> end) => ends.Push(() => new ValueTask(end()));

    public void Add(Action end) => Add(() =>
    {
        end();
        return Task.CompletedTask;
    });

    /// <summary>Starts what is to be added here on the way; if that fails, all that was added is disposed of.</summary>
    public async Task<T> StartAsync<T>(Func<Task<T>> start)
    {
        try
        {
            return await start();
        }
        catch (Exception fault)
        {
            if (await EndAsync() is { Count: > 0 } further)
                throw new AggregateException([fault, .. further]);
            throw;
        }
    }

    /// <inheritdoc cref="StartAsync{T}" />
    public async ValueTask StartAsync(Func<Task> start) => await StartAsync<object?>(async () =>
    {
        await start();
        return null;
    });

    public async ValueTask DisposeAsync()
    {
        if (await EndAsync() is { Count: > 0 } faults)
            throw new AggregateException(faults);
    }

    private async Task<List<Exception>> EndAsync()
    {
        List<Exception> faults = [];
        while (ends.TryPop(out var end))
        {
            try
            {
                await end();
            }
            catch (Exception fault)
            {
                faults.Add(fault);
            }
        }

        return faults;
    }
}
