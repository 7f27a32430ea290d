using Consul;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.DryRun;

/// <summary>What the sidecar would make of a host: the same mapping and the same planner, and no writer.</summary>
internal sealed record Preview(
    string Node,
    string Environment,
    string? ConsulFault,
    IReadOnlyList<PreviewedInstance> Instances,
    IReadOnlyList<PreviewedRemark> LeftOut,
    IReadOnlyList<PreviewedRemark> Warnings,
    IReadOnlyList<string> Conflicts)
{
    /// <summary>Stands where only Consul could tell.</summary>
    public const string Unknown = "?";

    public static Preview Of(HostView host, SidecarOptions options)
    {
        var owner = new Ownership(options.Node ?? host.HostName, options.Environment)
        {
            FormerNodes = options.FormerNodes,
            Has = id => StateOf(id, host) != ContainerState.Absent,
        };
        var actual = host.Registry?.Services ?? new Dictionary<string, AgentService>(StringComparer.Ordinal);
        var context = new MappingContext(
            options,
            owner.Node,
            host.Registry?.Address ?? Unknown,
            host.Registry?.Documents ?? DocumentSet.Empty,
            idOrName => host.Containers.FirstOrDefault(container => container.Id == idOrName || container.Name == idOrName),
            id => actual.GetValueOrDefault(id))
        {
            AgentVersion = host.Registry?.AgentVersion,
            IsUndecided = id => host.Unread.Any(container => container.Id == id),
        };
        var desired = new DesiredState();
        var mapped = desired.Update(host.Containers, context);
        var plan = RegistrationPlanner.Plan(new PlanInput(
            desired.Instances,
            actual,
            host.Registry?.Checks ?? new Dictionary<string, AgentCheck>(),
            owner,
            options.Deregister,
            id => new ContainerFate(StateOf(id, host)),
            // What would be removed is not asked for.
            _ => false));
        return new Preview(
            owner.Node,
            owner.Environment,
            host.Silence,
            [.. plan.Wanted.Select(instance => PreviewedInstance.Of(instance, StateOf(instance, plan, actual, owner), host.Registry is not null))],
            [
                .. Remarks(mapped, container => container.LeftOut),
                .. host.Unread.Select(container => new PreviewedRemark(container.Name, $"it cannot be inspected: {container.Why}")),
            ],
            Remarks(mapped, container => container.Warnings),
            plan.Conflicts);
    }

    private static ContainerState StateOf(string id, HostView host) =>
        host.Containers.Any(container => container.Id == id) ? ContainerState.Running
        : host.Unread.Any(container => container.Id == id) ? ContainerState.Unknown
        : ContainerState.Absent;

    private static string StateOf(
        DesiredInstance instance, RegistrationPlan plan, IReadOnlyDictionary<string, AgentService> actual, Ownership owner)
    {
        var registered = actual.GetValueOrDefault(instance.Registration.ID!);
        return plan.Register.Any(planned => ReferenceEquals(planned.Registration, instance.Registration))
            ? registered is null ? "new" : "changed"
            : registered is not null && owner.Owns(registered) && Ownership.ContainerOf(registered) == instance.Container.Id
                ? "registered"
                : "conflict";
    }

    private static IReadOnlyList<PreviewedRemark> Remarks(
        IEnumerable<(ContainerFacts Container, MappedContainer Mapped)> mapped, Func<MappedContainer, IReadOnlyList<string>> which) =>
    [
        .. from entry in mapped
           from text in which(entry.Mapped)
           select new PreviewedRemark(entry.Container.Name, text),
    ];
}

/// <summary>One instance as it would be registered.</summary>
/// <param name="State"><c>new</c>, <c>changed</c>, <c>registered</c> (nothing would be written) or <c>conflict</c>.</param>
/// <param name="Service">The service's name.</param>
/// <param name="Id">The registration's id.</param>
/// <param name="Address"><c>null</c> if only Consul could tell it.</param>
/// <param name="Port">The port that others connect to.</param>
/// <param name="Stage"><c>null</c> if Consul did not tell the documents.</param>
/// <param name="Tags">The tags without the stage.</param>
/// <param name="Checks">The checks, a line each.</param>
/// <param name="Container">The container's name.</param>
internal sealed record PreviewedInstance(
    string State,
    string Service,
    string Id,
    string? Address,
    int Port,
    string? Stage,
    IReadOnlyList<string> Tags,
    IReadOnlyList<string> Checks,
    string Container)
{
    public static PreviewedInstance Of(DesiredInstance instance, string state, bool consulAnswered)
    {
        var to = instance.Registration;
        return new PreviewedInstance(
            consulAnswered ? state : Preview.Unknown,
            to.Name!,
            to.ID!,
            to.Address == Preview.Unknown ? null : to.Address,
            to.Port,
            consulAnswered ? to.Tags![0] : null,
            to.Tags![1..],
            [.. (to.Checks ?? []).Select(CheckLine.Of)],
            instance.Container.Name);
    }
}

/// <summary>Something to say about a container.</summary>
internal sealed record PreviewedRemark(string Container, string Text);
