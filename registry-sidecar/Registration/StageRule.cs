using Consul;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The stage tag of an instance: a projection of its service's document.</summary>
internal static class StageRule
{
    /// <summary>
    /// The stage by the service's document, a candidate where there is none. As long as only a faulty document is known, the
    /// instance keeps the stage that it is registered with: a damaged document must not demote a live release.
    /// </summary>
    public static string TagOf(DocumentSet documents, string service, string deployment, string id, AgentService? registered) =>
        documents.Services.GetValueOrDefault(service) switch
        {
            { Document: { } document } => StageTag.Of(document.StageOf(deployment, id)),
            { Fault: not null } when Kept(registered, deployment) is { } tag => tag,
            _ => StageTag.Of(Stage.Candidate),
        };

    private static string? Kept(AgentService? registered, string deployment) =>
        registered?.Meta.TryGetValue(InstanceMeta.Deployment, out var known) is true && known == deployment
            ? registered.Tags.FirstOrDefault(tag => StageTag.All.Contains(tag))
            : null;
}
