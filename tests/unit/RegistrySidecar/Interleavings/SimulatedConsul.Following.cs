using System.Net;
using Consul;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>What is followed by blocking queries: the services' documents, and what strangers register.</summary>
internal sealed partial class SimulatedConsul
{
    private readonly Dictionary<string, KVPair> documents = new(StringComparer.Ordinal);
    private TaskCompletionSource changed = new();
    private TaskCompletionSource followed = new();
    private ulong index = 1;
    private TaskCompletionSource strangersChanged = new();
    private TaskCompletionSource? strangersFollowed;
    private ulong strangersIndex = 1;

    /// <summary>Writes or, with <c>null</c>, deletes a service's document, and waits until its follower has seen that.</summary>
    public async Task PutDocumentAsync(string service, byte[]? value)
    {
        index++;
        if (value is null)
            documents.Remove(service);
        else
            documents[service] = new KVPair($"mesh/services/{service}") { Value = value, ModifyIndex = index };
        var following = FollowedAnewAsync();
        var waiting = changed;
        changed = new TaskCompletionSource();
        waiting.SetResult();
        await following;
    }

    /// <summary>Ends when the follower of the documents, who has yet to ask, has taken in the newest.</summary>
    public Task FollowedAnewAsync()
    {
        followed = new TaskCompletionSource();
        return followed.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>Ends when whoever follows what strangers register has taken in the newest; at once if nobody does.</summary>
    public Task StrangersFollowedAsync() => (strangersFollowed?.Task ?? Task.CompletedTask).WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Nobody follows what strangers register any more, until somebody asks anew.</summary>
    public void FollowerLeft() => strangersFollowed = null;

    private void StrangersChanged()
    {
        strangersIndex++;
        if (strangersFollowed is not null)
            strangersFollowed = new TaskCompletionSource();
        var waiting = strangersChanged;
        strangersChanged = new TaskCompletionSource();
        waiting.SetResult();
    }

    private async Task<QueryResult<CatalogNode?>> FollowStrangersAsync(ulong since, CancellationToken ct)
    {
        if (since == strangersIndex && !ReadFails)
        {
            // Asking again means that the last answer has been taken in.
            var waiting = strangersChanged.Task;
            (strangersFollowed ??= new TaskCompletionSource()).TrySetResult();
            await waiting.WaitAsync(ct);
        }

        if (ReadFails)
        {
            // Whoever follows has to notice that first.
            var failed = strangersFollowed;
            strangersFollowed = null;
            failed?.TrySetResult();
            throw Error(HttpStatusCode.InternalServerError);
        }

        var told = AllServices().Where(service => !CatalogLags || !IsStrangers(service.Key)).ToDictionary(StringComparer.Ordinal);
        return new QueryResult<CatalogNode?> { Response = new CatalogNode { Services = told }, LastIndex = strangersIndex };
    }

    // Documents are told of by their list alone here.
    private static async Task<QueryResult<KVPair?>> SilenceAsync(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        return new QueryResult<KVPair?>();
    }

    private async Task<QueryResult<KVPair[]?>> FollowAsync(ulong since, CancellationToken ct)
    {
        if (since == index)
        {
            // Asking again means that the last answer has been taken in.
            var waiting = changed.Task;
            followed.TrySetResult();
            await waiting.WaitAsync(ct);
        }

        return new QueryResult<KVPair[]?> { Response = documents.Count == 0 ? null : [.. documents.Values], LastIndex = index };
    }
}
