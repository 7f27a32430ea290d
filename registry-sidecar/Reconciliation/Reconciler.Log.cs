using Microsoft.Extensions.Logging;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

internal sealed partial class Reconciler
{
    [LoggerMessage(LogLevel.Warning, "Asking {Subject} failed; it is tried again until it succeeds: {Reason}")]
    private partial void Failed(string subject, string reason);

    [LoggerMessage(LogLevel.Warning, "{Conflict}")]
    private partial void Conflict(string conflict);

    [LoggerMessage(LogLevel.Warning, "This node seems to have been called '{Node}': what that registered of its containers is taken over, the rest is left alone; name it with --former-nodes if no other node is called so")]
    private partial void Former(string node);

    [LoggerMessage(LogLevel.Warning, "Container {Container}: {Warning}")]
    private partial void Unusable(string container, string warning);

    [LoggerMessage(LogLevel.Warning, "This node's registrations stay: Docker never answered, so it is not known what the node is called; say --node, or remove them by hand")]
    private partial void NamelessAtExit();

    [LoggerMessage(LogLevel.Debug, "Container {Container} is not registered, or a port of it: {Reason}")]
    private partial void LeftOut(string container, string reason);
}
