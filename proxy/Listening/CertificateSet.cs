using System.Collections.Frozen;

namespace ServiceMesh.Proxy.Listening;

/// <summary>All certificates, by the names that clients ask for (SNI).</summary>
internal sealed class CertificateSet
{
    private readonly FrozenDictionary<string, Certificate> byName;
    private readonly Certificate fallback;

    /// <param name="certificates">At least one, by their files' names without the ending.</param>
    /// <param name="now">Decides between several for one name: one that is valid already, then the one that is valid longest.</param>
    public CertificateSet(IReadOnlyDictionary<string, Certificate> certificates, DateTimeOffset now)
    {
        byName = certificates.Values
            .SelectMany(certificate => certificate.Names, (certificate, name) => (name, certificate))
            .GroupBy(named => named.name, named => named.certificate, StringComparer.OrdinalIgnoreCase)
            .ToFrozenDictionary(
                named => named.Key,
                named => named.MaxBy(one => (one.Leaf.NotBefore <= now.LocalDateTime, one.Leaf.NotAfter))!,
                StringComparer.OrdinalIgnoreCase);
        fallback = certificates.TryGetValue("default", out var chosen)
            ? chosen
            : certificates.MinBy(certificate => certificate.Key, StringComparer.Ordinal).Value;
    }

    /// <summary>The certificate for exactly this name, else a wildcard's (which stands for one label, RFC 6125 6.4.3), else the file <c>default</c>, else the first file by name.</summary>
    public Certificate Choose(string? serverName)
    {
        if (string.IsNullOrEmpty(serverName))
            return fallback;
        if (byName.TryGetValue(serverName, out var exact))
            return exact;
        return serverName.IndexOf('.') is var dot and > 0 && byName.TryGetValue($"*{serverName[dot..]}", out var wildcard) ? wildcard : fallback;
    }
}
