using System.Buffers;
using Consul;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// Who a registration belongs to. Only what bears the mark of this node and this mesh is ever changed or removed; the mesh is
/// part of it because several may share one Docker host.
/// </summary>
internal sealed record Ownership(string Node, string Environment)
{
    private const int IdLength = 64;

    private static readonly SearchValues<char> IdDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>
    /// Names that this node had before; what bears one of them is this node's. Only an operator can know that: another sidecar at
    /// the same agent may have such a name now.
    /// </summary>
    public IReadOnlyList<string> FormerNodes { get; init; } = [];

    public bool Owns(AgentService service) =>
        service.Meta.TryGetValue(InstanceMeta.Owner, out var owner) && (owner == Node || FormerNodes.Contains(owner, StringComparer.Ordinal))
        && service.Meta.TryGetValue(InstanceMeta.Environment, out var environment) && environment == Environment;

    /// <summary>
    /// Consul's expression for what belongs to others; <c>null</c> where a name cannot stand in one.
    /// </summary>
    public string? OthersFilter => (Node + Environment).AsSpan().ContainsAny('"', '\\')
        ? null
        : $"Meta[\"{InstanceMeta.Owner}\"] != \"{Node}\" or Meta[\"{InstanceMeta.Environment}\"] != \"{Environment}\"";

    /// <summary>
    /// The id of the container that the service was registered for; empty if it says none. Anybody can write anything there, and Docker,
    /// asked for it, would take a name or a part of an id as well.
    /// </summary>
    public static string ContainerOf(AgentService? service) =>
        service?.Meta.TryGetValue(InstanceMeta.Container, out var id) is true && IsId(id) ? id : "";

    private static bool IsId(string text) => text.Length == IdLength && !text.AsSpan().ContainsAnyExcept(IdDigits);
}
