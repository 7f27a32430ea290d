namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The ids of a container's instances, no two of them the same.</summary>
internal sealed class InstanceIds(ContainerFacts container, string node)
{
    private const string Consuls = "consul";

    private readonly HashSet<string> taken = new(StringComparer.Ordinal);

    /// <summary>Whether a container may have this id: Consul lets it go again, and a server does not register itself under it.</summary>
    public static bool Fits(string id) => id != Consuls && IsRemovable(id);

    /// <summary>
    /// Whether Consul lets go again what is registered under such an id. It takes the id in a body and gives it back by a path, in which
    /// it refuses what cannot be printed by the Unicode of its days, and goes elsewhere for an empty step, <c>.</c> and <c>..</c>.
    /// </summary>
    public static bool IsRemovable(string id) =>
        id.EnumerateRunes().All(ForeignText.IsPrintable) && !id.Any(char.IsSurrogate) && id.Split('/').All(step => step is not ("" or "." or ".."));

    public string Of(Endpoint endpoint, PortMetadata metadata, List<string> warnings) =>
        Take(Named(metadata, warnings) ?? Prefix(container, node) + PortOf(endpoint), endpoint);

    /// <summary>The id that is made of the container's name, whatever the container itself says.</summary>
    public string OwnOf(Endpoint endpoint) => Take(Prefix(container, node) + PortOf(endpoint), endpoint);

    /// <summary>Whether the id is one of those that are made of this container's name.</summary>
    public static bool IsNamedAfter(ContainerFacts container, string node, string id) => id.StartsWith(Prefix(container, node), StringComparison.Ordinal);

    // One id for several ports: the first has it as it is, so that none overwrites another.
    private string Take(string id, Endpoint endpoint)
    {
        while (!taken.Add(id))
            id = $"{id}:{PortOf(endpoint)}";
        return id;
    }

    private static string PortOf(Endpoint endpoint) => endpoint.Port.IsTcp ? $"{endpoint.Port.Number}" : $"{endpoint.Port.Number}:{endpoint.Port.Protocol}";

    // There is no colon in a container's name.
    private static string Prefix(ContainerFacts container, string node) => $"{node}:{container.Name}:";

    private static string? Named(PortMetadata metadata, List<string> warnings)
    {
        if (metadata.Find(MetadataKey.Id) is not { } id || (Fits(id) && MetaRule.Fits(id)))
            return metadata.Find(MetadataKey.Id);
        warnings.Add($"SERVICE_ID '{ForeignText.Shown(id, 40)}' is left out, because Consul could not remove it again: "
            + $"give letters, digits, punctuation and spaces, {MetaRule.ValueLimit} bytes at the most, no empty, '.' or '..' step between slashes, and not '{Consuls}'");
        return null;
    }
}
