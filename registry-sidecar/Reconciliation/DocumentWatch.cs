using System.Collections.Concurrent;
using Consul;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Follows the services' documents, from which the stage tags come.</summary>
internal sealed partial class DocumentWatch(
    MeshStore store, BlockingQuery queries, WorkQueue queue, SidecarMetrics metrics, ILogger<DocumentWatch> log) : BackgroundService
{
    private readonly ConcurrentDictionary<string, bool> refusals = new(StringComparer.Ordinal);
    private volatile DocumentSet? current;

    /// <summary>
    /// The newest documents; <c>null</c> until Consul first told them. Before that nothing may be registered, because
    /// everything would look like a candidate, and a live release would be demoted.
    /// </summary>
    public DocumentSet? Current => current;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        queries.OnFailure = Count;
        await foreach (var documents in store.WatchAsync(DocumentSet.Empty, stoppingToken))
        {
            foreach (var (service, stored) in documents.Services)
            {
                if (stored.Fault is { } fault && current?.Services.GetValueOrDefault(service)?.Fault != fault)
                    SetAside(ForeignText.Shown(service), ForeignText.Shown(fault));
            }

            current = documents;
            queue.Wake();
        }
    }

    /// <summary>A right that the token lacks is one failure, however often Consul is asked: the sidecar does without for as long as it runs.</summary>
    private void Count(Exception error)
    {
        if (error is not ConsulRequestException { Fault: ConsulFault.Forbidden } || refusals.TryAdd(error.Message, true))
            metrics.ConsulFailed(error);
    }

    [LoggerMessage(LogLevel.Warning, "The document of service {Service} is set aside, stages stay as they are: {Fault}")]
    private partial void SetAside(string service, string fault);
}
