using System.Buffers;
using Consul;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// Who a registration belongs to. Only what bears the mark of this node and this mesh, or which this node registered under a name that it
/// had before, is ever changed or removed; the mesh is part of it because several may share one Docker host.
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

    /// <summary>Whether a container, by its id, is one that this node registered under another name.</summary>
    public Func<string, bool> Has { get; init; } = _ => false;

    public bool Owns(AgentService service) => IsOfThisMesh(service) && (IsOfThisNode(service) || Has(ContainerOf(service)));

    /// <summary>Names that this node seems to have had before, as registrations of its containers bear them, where others bear them, too.</summary>
    public IEnumerable<string> LikelyFormerNodes(IEnumerable<AgentService> services)
    {
        var strange = services.Where(IsUnderAnotherName)
            .ToLookup(service => service.Meta.TryGetValue(InstanceMeta.Owner, out var name) ? name : "", service => Has(ContainerOf(service)), StringComparer.Ordinal);
        return strange.Where(node => node.Contains(true) && node.Contains(false)).Select(node => node.Key).Order(StringComparer.Ordinal);
    }

    /// <summary>Whether it is of this mesh, and says that it is another node's.</summary>
    public bool IsUnderAnotherName(AgentService service) => IsOfThisMesh(service) && !IsOfThisNode(service);

    /// <summary>The mesh for which this very node registered it, where that is another one; <c>null</c> if not.</summary>
    public string? OtherMeshOf(AgentService service) =>
        IsOfThisNode(service) && service.Meta.TryGetValue(InstanceMeta.Environment, out var environment) && environment != Environment ? environment : null;

    private bool IsOfThisMesh(AgentService service) =>
        service.Meta.TryGetValue(InstanceMeta.Environment, out var environment) && environment == Environment;

    private bool IsOfThisNode(AgentService service) =>
        service.Meta.TryGetValue(InstanceMeta.Owner, out var owner) && (owner == Node || FormerNodes.Contains(owner, StringComparer.Ordinal));

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
