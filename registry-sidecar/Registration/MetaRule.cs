using System.Text;
using System.Text.RegularExpressions;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>What may stand in an instance's Meta. Consul refuses a whole registration for one pair that it does not allow.</summary>
internal static partial class MetaRule
{
    public const int PairLimit = 64;
    public const int KeyLimit = 128;
    public const int ValueLimit = 512;

    private const string ReservedByConsul = "consul-";
    private const string ReservedByMesh = "mesh-";

    /// <summary>The mesh's own pairs and as many of the container's as Consul takes; the rest becomes one warning.</summary>
    public static Dictionary<string, string> Merge(
        IReadOnlyDictionary<string, string> own, PortMetadata metadata, List<string> warnings)
    {
        var meta = new Dictionary<string, string>(own, StringComparer.Ordinal);
        var refused = new List<string>();
        var others = metadata.All.Where(pair => !MetadataKey.IsKnown(pair.Key)).OrderBy(pair => pair.Key, StringComparer.Ordinal);
        foreach (var (key, value) in others)
        {
            if (Fault(key, value, meta.Count) is { } fault)
                refused.Add($"{ForeignText.Shown(key, 40)} ({fault})");
            else
                meta[key] = value;
        }

        if (refused.Count > 0)
            warnings.Add($"left out of Meta, because Consul would refuse the service: {Shortened(refused)}");
        return meta;
    }

    /// <summary>Whether Consul takes the value of one of the mesh's own pairs. What else a container names itself by is bounded by the same.</summary>
    public static bool Fits(string value) => Encoding.UTF8.GetByteCount(value) <= ValueLimit;

    private static string? Fault(string key, string value, int pairs) =>
        key.StartsWith(ReservedByConsul, StringComparison.Ordinal) ? $"the prefix {ReservedByConsul} is Consul's own"
        : key.StartsWith(ReservedByMesh, StringComparison.Ordinal) ? $"the prefix {ReservedByMesh} is the mesh's own"
        : key.Length > KeyLimit ? $"a key has {KeyLimit} characters at the most"
        : !Key().IsMatch(key) ? "a key consists of A-Z, a-z, 0-9, '_' and '-'"
        : !Fits(value) ? $"a value has {ValueLimit} bytes at the most"
        : pairs >= PairLimit ? $"there are {PairLimit} pairs at the most"
        : null;

    private static string Shortened(List<string> refused) =>
        string.Join(", ", refused.Take(5)) + (refused.Count > 5 ? $" and {refused.Count - 5} more" : "");

    [GeneratedRegex("^[A-Za-z0-9_-]+\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Key();
}
