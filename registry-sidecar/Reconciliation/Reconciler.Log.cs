using Microsoft.Extensions.Logging;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

internal sealed partial class Reconciler
{
    [LoggerMessage(LogLevel.Warning, "Asking {Subject} failed; it is tried again until it succeeds: {Reason}")]
    private partial void Failed(string subject, string reason);

    [LoggerMessage(LogLevel.Warning, "{Conflict}")]
    private partial void Conflict(string conflict);

    [LoggerMessage(LogLevel.Warning, "Container {Container}: {Warning}")]
    private partial void Unusable(string container, string warning);

    [LoggerMessage(LogLevel.Debug, "Container {Container} is not registered, or a port of it: {Reason}")]
    private partial void LeftOut(string container, string reason);
}
