using System.Globalization;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>
/// What a container says about its services: <c>SERVICE_&lt;KEY&gt;</c> in its environment or as a label, the same as
/// <c>mesh.service.&lt;key&gt;</c>, and each of them for one port or one port's protocol.
/// </summary>
internal sealed class ContainerMetadata
{
    private const string Prefix = "SERVICE_";
    private const string DottedPrefix = ContainerLabel.Service + ".";

    private readonly PortMetadata general;
    private readonly ILookup<int, MetadataEntry> ofPorts;

    private ContainerMetadata(IReadOnlyList<MetadataEntry> entries)
    {
        general = new PortMetadata(Winners(entries.Where(entry => entry.Port is null)));
        ofPorts = entries.Where(entry => entry.Port is not null).ToLookup(entry => entry.Port!.Value);
    }

    public static ContainerMetadata Of(ContainerFacts container)
    {
        var found = new List<MetadataEntry>();
        foreach (var variable in container.Env)
        {
            if (variable.StartsWith(Prefix, StringComparison.Ordinal)
                && variable.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals)
                Add(variable[Prefix.Length..equals], '_', variable[(equals + 1)..], MetadataSource.Environment);
        }

        foreach (var (label, value) in container.Labels.OrderBy(label => label.Key, StringComparer.Ordinal))
        {
            if (label.StartsWith(Prefix, StringComparison.Ordinal))
                Add(label[Prefix.Length..], '_', value, MetadataSource.Label);
            else if (label.StartsWith(DottedPrefix, StringComparison.Ordinal))
                Add(label[DottedPrefix.Length..], '.', value, MetadataSource.DottedLabel);
            else if (label == ContainerLabel.Service)
                found.Add(new MetadataEntry(null, null, MetadataKey.Name, value, MetadataSource.Deployer));
        }

        return new ContainerMetadata(found);

        void Add(string name, char separator, string value, MetadataSource source)
        {
            if (MetadataEntry.Parse(name, separator, value, source) is { } entry)
                found.Add(entry);
        }
    }

    /// <summary>
    /// What holds for one port: the more specific beats the less, and at one level a label the environment. What is said of no port in
    /// particular is kept once, because all of them are exposed by one word.
    /// </summary>
    public PortMetadata For(ContainerPort port) =>
        ofPorts.Contains(port.Number) ? new PortMetadata(Winners(ofPorts[port.Number].Where(entry => entry.AppliesTo(port))), general) : general;

    private static Dictionary<string, MetadataEntry> Winners(IEnumerable<MetadataEntry> entries)
    {
        var winners = new Dictionary<string, MetadataEntry>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            if (!winners.TryGetValue(entry.Key, out var other) || entry.Rank.CompareTo(other.Rank) >= 0)
                winners[entry.Key] = entry;
        }

        return winners;
    }
}

/// <summary>Where an entry stands; at the same level of specificity the later one wins.</summary>
internal enum MetadataSource
{
    Environment,
    Label,
    DottedLabel,
    Deployer,
}

/// <summary>One key with its value, for all ports, one port, or one port's protocol.</summary>
internal sealed record MetadataEntry(int? Port, string? Protocol, string Key, string Value, MetadataSource Source)
{
    public bool IsPortSpecific => Port is not null;

    public (int Specificity, MetadataSource Source) Rank => (Port is null ? 0 : Protocol is null ? 1 : 2, Source);

    public bool AppliesTo(ContainerPort port) => Port == port.Number && (Protocol is null || Protocol == port.Protocol);

    /// <summary>Reads the name after its prefix: <c>53_udp_tags</c> is the key <c>tags</c> of port 53's UDP side.</summary>
    public static MetadataEntry? Parse(string name, char separator, string value, MetadataSource source)
    {
        var rest = name.ToLowerInvariant();
        int? port = null;
        string? protocol = null;
        if (TryCut(rest, separator, out var first, out var after)
            && int.TryParse(first, NumberStyles.None, null, out var number))
        {
            port = number;
            rest = after;
            if (TryCut(rest, separator, out first, out after) && first is "tcp" or "udp" or "sctp")
            {
                protocol = first;
                rest = after;
            }
        }

        if (separator == '.')
            rest = rest.Replace('.', '_');
        return rest.Length == 0 ? null : new MetadataEntry(port, protocol, rest, value, source);
    }

    private static bool TryCut(string text, char separator, out string head, out string tail)
    {
        var at = text.IndexOf(separator, StringComparison.Ordinal);
        (head, tail) = at > 0 && at < text.Length - 1 ? (text[..at], text[(at + 1)..]) : (text, "");
        return tail.Length > 0;
    }
}
