using Consul;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// Follows what others register on this node: an id of ours may be somebody else's since the agent was read, and would be
/// overwritten or removed. The catalog tells of it within milliseconds; asking the agent before each write would take as long
/// as the write.
/// </summary>
internal sealed class OthersWatch(IConsulClient consul, BlockingQuery queries, WorkQueue queue) : IDisposable
{
    private static readonly CatalogNode Unknown = new();

    private (string Node, string Filter)? followed;
    private CancellationTokenSource? stop;
    private volatile IReadOnlyDictionary<string, AgentService>? current;

    /// <summary>What others have registered, by id; <c>null</c> while that is not known.</summary>
    public IReadOnlyDictionary<string, AgentService>? Current => current;

    /// <summary>Follows from now on, unless that is what it does.</summary>
    /// <param name="node">The agent's node; empty if the agent does not say.</param>
    /// <param name="owner">Whose registrations are not others'.</param>
    /// <param name="ct">Ends the following.</param>
    public void Follow(string node, Ownership owner, CancellationToken ct)
    {
        if (node.Length == 0 || owner.OthersFilter is not { } filter || followed == (node, filter))
            return;
        stop?.Cancel();
        stop?.Dispose();
        stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        followed = (node, filter);
        current = null;
        _ = FollowAsync(node, filter, stop.Token);
    }

    public void Dispose()
    {
        stop?.Cancel();
        stop?.Dispose();
    }

    private async Task FollowAsync(string node, string filter, CancellationToken ct)
    {
        try
        {
            var answers = queries.FollowAsync($"others' registrations on {node}", (options, token) => AskAsync(node, filter, options, token), same: (_, _) => false, ct);
            IReadOnlyDictionary<string, AgentService> before = Unknown.Services;
            await foreach (var answer in answers)
            {
                var isKnown = !ReferenceEquals(answer, Unknown);
                Take(isKnown ? answer.Services : null, ct);
                if (!isKnown)
                    continue;
                // Who left may have had an id that this sidecar waits for.
                if (before.Keys.Any(id => !answer.Services.ContainsKey(id)))
                    queue.Wake();
                before = answer.Services;
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Another node is followed now, or the sidecar ends.
        }
        finally
        {
            // Whatever ended it: what nobody follows any more is not known.
            Take(services: null, ct);
        }
    }

    private async Task<QueryResult<CatalogNode>> AskAsync(string node, string filter, QueryOptions options, CancellationToken ct)
    {
        try
        {
            options.Filter = filter;
            var answer = await consul.Catalog.Node(node, options, ct);
            return new QueryResult<CatalogNode>(answer, answer.Response ?? Unknown);
        }
        catch
        {
            Take(services: null, ct);
            throw;
        }
    }

    private void Take(IReadOnlyDictionary<string, AgentService>? services, CancellationToken ct)
    {
        if (!ct.IsCancellationRequested)
            current = services;
    }
}
