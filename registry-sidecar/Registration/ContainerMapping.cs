using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>From a container to its instances: the whole of what is registered is decided here.</summary>
internal static class ContainerMapping
{
    /// <summary>So many ports of a container are registered without a name of their own.</summary>
    public const int UnnamedPortLimit = 64;

    /// <summary>So many ports of a container are registered, those that have a name of their own first.</summary>
    public const int PortLimit = 256;

    public static MappedContainer Map(ContainerFacts container, MappingContext context)
    {
        var leftOut = new List<string>();
        var warnings = new List<string>();
        if (OtherMesh(container, context) is { } other)
            return new MappedContainer([], [$"it belongs to the mesh '{other}'"], []);

        var metadata = ContainerMetadata.Of(container);
        var candidates = Candidates(container, metadata, context, leftOut, warnings);
        var registrations = new List<AgentServiceRegistration>();
        var spares = new Dictionary<string, AgentServiceRegistration>(StringComparer.Ordinal);
        var reported = new List<ReportedCheck>();
        var ids = new InstanceIds(container, context.Node);
        var named = new List<(string Id, string Name, Endpoint Endpoint, PortMetadata Metadata)>();
        foreach (var (endpoint, own) in candidates)
        {
            var name = Name(container, endpoint, own, candidates.Count > 1, warnings);
            if (name.Length == 0)
                leftOut.Add($"port {endpoint.Port} has no name, and the image '{container.Image}' gives none");
            else
                named.Add((ids.Of(endpoint, own, warnings), name, endpoint, own));
        }

        WarnOfSuffixes(container, [.. named.Select(one => (one.Name, one.Endpoint.Port.Number))], warnings);
        foreach (var (id, name, endpoint, own) in named)
        {
            registrations.Add(Registered(id, name, endpoint, own));
            if (!InstanceIds.IsNamedAfter(container, context.Node, id))
                spares.Add(id, Registered(ids.OwnOf(endpoint), name, endpoint, own));
        }

        return new MappedContainer(registrations, leftOut, [.. warnings.Distinct(StringComparer.Ordinal)]) { Spares = spares, Reported = reported };

        AgentServiceRegistration Registered(string id, string name, Endpoint endpoint, PortMetadata own)
        {
            var (registration, checks) = Registration(id, name, endpoint, own, container, context, warnings);
            reported.AddRange(checks.Reported);
            return registration;
        }
    }

    private static string? OtherMesh(ContainerFacts container, MappingContext context) =>
        container.Labels.TryGetValue(ContainerLabel.Environment, out var mesh) && mesh != context.Options.Environment ? mesh : null;

    private static List<(Endpoint Endpoint, PortMetadata Metadata)> Candidates(
        ContainerFacts container, ContainerMetadata metadata, MappingContext context, List<string> leftOut, List<string> warnings)
    {
        var ports = EndpointRule.Of(container, context, leftOut, warnings)
            .Select(endpoint => (Endpoint: endpoint, Metadata: metadata.For(endpoint.Port)))
            .ToLookup(port => WhyNot(port.Metadata, context));
        foreach (var unwanted in ports.Where(group => group.Key is not null))
            leftOut.Add(PortSentence.Of([.. unwanted.Select(port => port.Endpoint.Port)], unwanted.Key!));
        return [.. WithinLimits([.. ports[null]], leftOut, warnings).Select(port => (FromLabel(port.Endpoint, container, context, warnings), port.Metadata))];
    }

    private static string? WhyNot(PortMetadata metadata, MappingContext context) =>
        metadata.IsTrue(MetadataKey.Ignore) ? "to be ignored"
        : context.Options.Explicit && metadata.Find(MetadataKey.Name) is null ? "not named, and only named ones are registered (--explicit)"
        : null;

    /// <summary>A range of ports is exposed by one word, and thousands of instances of one container would keep those of all others waiting.</summary>
    private static IEnumerable<(Endpoint Endpoint, PortMetadata Metadata)> WithinLimits(
        List<(Endpoint Endpoint, PortMetadata Metadata)> candidates, List<string> leftOut, List<string> warnings)
    {
        var byName = candidates.ToLookup(port => port.Metadata.IsPortSpecific(MetadataKey.Name) || port.Metadata.IsPortSpecific(MetadataKey.Id));
        var unnamed = Beyond(byName[false], UnnamedPortLimit, "need no name of their own", "; name those that count with SERVICE_<port>_NAME");
        var rest = Beyond(byName[true].Concat(byName[false].Take(UnnamedPortLimit)), PortLimit, "a container has at the most");
        return candidates.Except(unnamed).Except(rest);

        List<(Endpoint Endpoint, PortMetadata Metadata)> Beyond(IEnumerable<(Endpoint Endpoint, PortMetadata Metadata)> ports, int limit, string which, string advice = "")
        {
            var beyond = ports.Skip(limit).OrderBy(port => port.Endpoint.Port.Number).ToList();
            if (beyond.Count > 0)
            {
                leftOut.Add(PortSentence.Of([.. beyond.Select(port => port.Endpoint.Port)], $"beyond the {limit} that {which}"));
                warnings.Add($"it has {beyond.Count} ports more than the {limit} that {which}{advice}");
            }

            return beyond;
        }
    }

    private static Endpoint FromLabel(Endpoint endpoint, ContainerFacts container, MappingContext context, List<string> warnings)
    {
        if (context.Options.UseIpFromLabel is not { } label)
            return endpoint;
        var value = container.Labels.GetValueOrDefault(label) ?? "";
        var slash = value.LastIndexOf('/');
        if (HostAddress.Parse(slash < 0 ? value : value[..slash]) is { } address)
            return endpoint with { Address = address, IsElsewhere = address != endpoint.Address };
        warnings.Add($"the label {label} {(value.Length == 0 ? "is missing or empty" : $"holds no address but '{ForeignText.Shown(value, 40)}'")}; {endpoint.Address} is taken");
        return endpoint;
    }

    private static string Name(ContainerFacts container, Endpoint endpoint, PortMetadata metadata, bool oneOfSeveral, List<string> warnings)
    {
        var given = metadata.Find(MetadataKey.Name);
        if (given is not null && !MetaRule.Fits(given))
        {
            warnings.Add($"SERVICE_NAME is left out, because it is longer than {MetaRule.ValueLimit} bytes; the image's name is taken");
            given = null;
        }

        var name = given ?? ImageName.ServiceNameOf(container.Image);
        return oneOfSeveral && name.Length > 0 && (given is null || !metadata.IsPortSpecific(MetadataKey.Name)) ? $"{name}-{endpoint.Port.Number}" : name;
    }

    /// <summary>The document of a service is for its very name, so none makes active what has a port behind it.</summary>
    private static void WarnOfSuffixes(ContainerFacts container, List<(string Name, int Port)> named, List<string> warnings)
    {
        if (container.Labels.GetValueOrDefault(ContainerLabel.Service) is not { Length: > 0 } service || named.Exists(one => one.Name == service))
            return;
        var suffixed = named.FindAll(one => one.Name == $"{service}-{one.Port}");
        if (suffixed.Count == 0)
            return;
        var shown = ForeignText.Shown(service, 63);
        warnings.Add($"none of its ports is the service '{shown}' of the label {ContainerLabel.Service}, for it has several: {string.Join(", ", suffixed.Select(one => one.Port).Take(5))}. "
            + $"The document '{shown}' makes none of them active: say SERVICE_<port>_NAME={shown} for the one that it is, or SERVICE_<port>_IGNORE=true for the others");
    }

    private static (AgentServiceRegistration Registration, ServiceChecks Checks) Registration(
        string id,
        string name,
        Endpoint endpoint,
        PortMetadata metadata,
        ContainerFacts container,
        MappingContext context,
        List<string> warnings)
    {
        var deployment = Deployment(container, warnings);
        var stage = StageRule.TagOf(context.Documents, name, deployment, id, context.FindRegistered(id));
        var checks = CheckRule.Of(id, metadata, endpoint, container, stage == StageTag.Of(Stage.Candidate), context, warnings);
        var registration = new AgentServiceRegistration
        {
            ID = id,
            Name = name,
            Address = endpoint.Address,
            Port = endpoint.PublishedPort,
            Tags = [stage, .. Tags(endpoint, metadata, container, context, warnings)],
            Checks = checks.Definitions,
            Weights = WeightRule.Of(metadata, warnings),
            Meta = MetaRule.Merge(OwnMeta(deployment, checks.Hash, container, context, warnings), metadata, warnings),
        };
        return (registration, checks);
    }

    private static IEnumerable<string> Tags(
        Endpoint endpoint, PortMetadata metadata, ContainerFacts container, MappingContext context, List<string> warnings)
    {
        var tags = new List<string>(TagList.Split(metadata.Find(MetadataKey.Tags) ?? ""));
        foreach (var template in context.Options.Tags)
        {
            var expanded = template.Expand(container, context.Node);
            tags.AddRange(expanded);
            if (expanded.Count == 0)
                warnings.Add($"the tag '{template}' is left out, because the container lacks the label or variable that it names");
        }

        // Only the document says the stage, so a container cannot name one.
        var stages = tags.Where(StageTag.All.Contains).Distinct(StringComparer.Ordinal).ToList();
        if (stages.Count > 0)
            warnings.Add($"the tag {string.Join(", ", stages)} is left out, because only the service's document says the stage");
        IReadOnlyList<string> protocol = endpoint.Port.IsTcp ? [] : [endpoint.Port.Protocol];
        return [.. TagList.Bounded([.. tags.Distinct(StringComparer.Ordinal).Except(stages).Except(protocol)], warnings), .. protocol];
    }

    private static string Deployment(ContainerFacts container, List<string> warnings)
    {
        if (container.Labels.GetValueOrDefault(ContainerLabel.Deployment) is not { Length: > 0 } label)
            return container.Id;
        if (MetaRule.Fits(label))
            return label;
        warnings.Add($"the label {ContainerLabel.Deployment} is longer than {MetaRule.ValueLimit} bytes; the container's id is taken");
        return container.Id;
    }

    private static Dictionary<string, string> OwnMeta(
        string deployment, string checks, ContainerFacts container, MappingContext context, List<string> warnings)
    {
        var version = container.Labels.GetValueOrDefault(ContainerLabel.Version) ?? "";
        if (!MetaRule.Fits(version))
        {
            warnings.Add($"the label {ContainerLabel.Version} is longer than {MetaRule.ValueLimit} bytes; it is left out");
            version = "";
        }

        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [InstanceMeta.Owner] = context.Node,
            [InstanceMeta.Environment] = context.Options.Environment,
            [InstanceMeta.Container] = container.Id,
            [InstanceMeta.Deployment] = deployment,
            [InstanceMeta.Version] = version,
            [InstanceMeta.Image] = container.ImageDigest,
            [InstanceMeta.Checks] = checks,
        };
    }
}
