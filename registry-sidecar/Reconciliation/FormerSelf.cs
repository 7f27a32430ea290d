using Consul;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// The containers that this node registered under a name which it had before, as after a change of the host's name: no other Engine has a
/// container of the same id. Only what was registered when the sidecar began counts, and until its grace is over: what comes later is
/// another sidecar's at the same Docker, and two that took each other's would never come to rest.
/// </summary>
internal sealed class FormerSelf(ContainerCache containers)
{
    private HashSet<string>? candidates;

    /// <summary>Whether there may be such containers.</summary>
    public bool IsSought => candidates is not { Count: 0 };

    /// <summary>Whether this node's Docker has the container, and it was registered under another name when the sidecar began.</summary>
    public bool Has(string container) => candidates?.Contains(container) is true && containers.Has(container);

    /// <summary>The sidecar begins: it learns once what is registered under other names.</summary>
    public void Begin(Ownership owner, IEnumerable<AgentService> services)
    {
        if (candidates is not null)
            return;
        candidates = services.Where(owner.IsUnderAnotherName).Select(Ownership.ContainerOf).ToHashSet(StringComparer.Ordinal);
        containers.Need(candidates);
    }

    /// <summary>Once it is known what became of all of them, and none bears another name any more, whatever does so is another's.</summary>
    public void EndIfDone(Ownership owner, IEnumerable<AgentService> services)
    {
        if (candidates?.All(id => containers.FateOf(id).State != ContainerState.Unknown) is true
            && !services.Any(service => owner.IsUnderAnotherName(service) && owner.Owns(service)))
            candidates = [];
    }
}
