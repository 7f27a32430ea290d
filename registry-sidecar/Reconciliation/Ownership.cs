using Consul;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// Who a registration belongs to. Only what bears the mark of this node and this mesh is ever changed or removed; the mesh is
/// part of it because several may share one Docker host.
/// </summary>
internal sealed record Ownership(string Node, string Environment)
{
    public bool Owns(AgentService service) =>
        service.Meta.TryGetValue(InstanceMeta.Owner, out var owner) && owner == Node
        && service.Meta.TryGetValue(InstanceMeta.Environment, out var environment) && environment == Environment;

    /// <summary>
    /// Consul's expression for what belongs to others; <c>null</c> where a name cannot stand in one.
    /// </summary>
    public string? OthersFilter => (Node + Environment).AsSpan().ContainsAny('"', '\\')
        ? null
        : $"Meta[\"{InstanceMeta.Owner}\"] != \"{Node}\" or Meta[\"{InstanceMeta.Environment}\"] != \"{Environment}\"";

    /// <summary>The container that the service was registered for; empty if it does not say.</summary>
    public static string ContainerOf(AgentService? service) =>
        service?.Meta.TryGetValue(InstanceMeta.Container, out var id) is true ? id : "";
}
