using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Follows the services' documents, from which the stage tags come.</summary>
internal sealed partial class DocumentWatch(
    MeshStore store, BlockingQuery queries, WorkQueue queue, SidecarMetrics metrics, ILogger<DocumentWatch> log) : BackgroundService
{
    private volatile DocumentSet? current;

    /// <summary>
    /// The newest documents; <c>null</c> until Consul first told them. Before that nothing may be registered, because
    /// everything would look like a candidate, and a live release would be demoted.
    /// </summary>
    public DocumentSet? Current => current;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        queries.OnFailure = metrics.ConsulFailed;
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

    [LoggerMessage(LogLevel.Warning, "The document of service {Service} is set aside, stages stay as they are: {Fault}")]
    private partial void SetAside(string service, string fault);
}
