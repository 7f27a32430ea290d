using System.Net;

namespace ServiceMesh.Proxy.Traffic.Transforming;

/// <summary>The proxies before this one whose word about the client is taken. Immutable.</summary>
internal sealed class TrustedProxies
{
    private readonly IPNetwork[] networks;

    private TrustedProxies(IPNetwork[] networks) => this.networks = networks;

    /// <summary>Nobody's word is taken.</summary>
    public static TrustedProxies None { get; } = new([]);

    /// <summary>Reads networks and addresses, such as <c>10.0.0.0/8, 192.168.1.4, fd00::/8</c>.</summary>
    /// <returns>The first entry that is neither; <c>null</c> if all are.</returns>
    public static string? TryParse(string text, out TrustedProxies trusted)
    {
        var entries = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var wrong = entries.FirstOrDefault(entry => !IPNetwork.TryParse(Network(entry), out _));
        trusted = wrong is null ? new TrustedProxies([.. entries.Select(entry => IPNetwork.Parse(Network(entry)))]) : None;
        return wrong;
    }

    /// <summary>Whether the client came with TLS: to this proxy, or to one whose word is taken.</summary>
    public bool CameWithTls(HttpContext context) =>
        context.Request.IsHttps
        || (context.Request.Headers["X-Forwarded-Proto"] is [{ } scheme]
            && string.Equals(scheme, "https", StringComparison.OrdinalIgnoreCase)
            && context.Connection.RemoteIpAddress is { } peer
            && Contains(peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer));

    /// <param name="peer">The address of the other end of the connection; IPv4 in its own form.</param>
    public bool Contains(IPAddress? peer)
    {
        if (peer is null)
            return false;
        foreach (var network in networks)
        {
            if (network.Contains(peer))
                return true;
        }

        return false;
    }

    private static string Network(string entry) =>
        entry.Contains('/', StringComparison.Ordinal) ? entry : entry + (entry.Contains(':', StringComparison.Ordinal) ? "/128" : "/32");
}
