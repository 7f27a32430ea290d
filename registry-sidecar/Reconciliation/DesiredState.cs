using Consul;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>What should be registered for each running container, computed again only where what it depends on changed.</summary>
internal sealed class DesiredState
{
    private readonly Dictionary<string, (ContainerFacts Container, MappedContainer Mapped)> mapped = new(StringComparer.Ordinal);
    private MappingContext? basis;

    public IReadOnlyList<DesiredInstance> Instances =>
    [
        .. from entry in mapped.Values
           from registration in entry.Mapped.Registrations
           let spare = entry.Mapped.Spares.GetValueOrDefault(registration.ID!)
           select Instance(entry, registration) with { Spare = spare is null ? null : Instance(entry, spare) },
    ];

    /// <summary>Whether what should be registered for the container cannot be told now, so that it stays as it was.</summary>
    public bool IsUndecided(string id) => mapped.TryGetValue(id, out var entry) && entry.Mapped.IsUndecided;

    /// <returns>The containers about which there is something else to say than before.</returns>
    public IReadOnlyList<(ContainerFacts Container, MappedContainer Mapped)> Update(
        IEnumerable<ContainerFacts> running, MappingContext context)
    {
        var alive = running.ToDictionary(container => container.Id, StringComparer.Ordinal);
        var affected = IsBasedOn(context) ? Affected(alive) : [.. alive.Values];
        basis = context;
        foreach (var gone in mapped.Keys.Where(id => !alive.ContainsKey(id)).ToList())
            mapped.Remove(gone);

        var news = new List<(ContainerFacts, MappedContainer)>();
        foreach (var container in affected)
        {
            var before = mapped.GetValueOrDefault(container.Id).Mapped;
            var now = Map(container, context, before);
            if (before is null || !SaysTheSame(before, now))
                news.Add((container, now));
            mapped[container.Id] = (container, now);
        }

        return news;
    }

    /// <summary>Whatever a container leads to is its own affair: the others go on, and it stays as it was.</summary>
    private static MappedContainer Map(ContainerFacts container, MappingContext context, MappedContainer? before)
    {
        var asItWas = (before ?? new MappedContainer([], [], [])) with { IsUndecided = true };
        if (container.NetworkOwner is { } owner && context.IsUndecided(owner))
            return asItWas with { LeftOut = [$"it stays as it was until it is known whether container '{owner}' runs, whose network it shares"] };
        try
        {
            return ContainerMapping.Map(container, context);
        }
        catch (Exception error)
        {
            return asItWas with { Warnings = [$"it cannot be understood, and stays as it was: {error.Message}"] };
        }
    }

    /// <summary>The containers that changed, those that share the network of one that did, and those that wait for a decision.</summary>
    private List<ContainerFacts> Affected(Dictionary<string, ContainerFacts> alive)
    {
        var changed = alive.Values.Where(container => !ReferenceEquals(Known(container.Id), container)).ToList();
        var gone = mapped.Values.Select(entry => entry.Container).Where(container => !alive.ContainsKey(container.Id));
        var names = changed.Concat(gone)
            .SelectMany(container => (string?[])[container.Id, container.Name, Known(container.Id)?.Name])
            .ToHashSet(StringComparer.Ordinal);
        return
        [
            .. changed.Union(alive.Values.Where(container =>
                IsUndecided(container.Id) || (container.NetworkOwner is { } owner && names.Contains(owner)))),
        ];
    }

    private static DesiredInstance Instance((ContainerFacts Container, MappedContainer Mapped) entry, AgentServiceRegistration registration) =>
        new(entry.Container, registration) { Reported = [.. entry.Mapped.Reported.Where(report => report.ServiceId == registration.ID)] };

    private static bool SaysTheSame(MappedContainer before, MappedContainer now) =>
        before.Warnings.SequenceEqual(now.Warnings, StringComparer.Ordinal)
        && before.LeftOut.SequenceEqual(now.LeftOut, StringComparer.Ordinal);

    private ContainerFacts? Known(string id) => mapped.TryGetValue(id, out var entry) ? entry.Container : null;

    private bool IsBasedOn(MappingContext context) =>
        basis is not null
        && ReferenceEquals(basis.Documents, context.Documents)
        && basis.Node == context.Node
        && basis.HostAddress == context.HostAddress
        && basis.AgentVersion == context.AgentVersion;
}
