using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;

namespace ServiceMesh.Proxy.Traffic.Transforming;

/// <summary>
/// Tells the instance who asked and how: <c>X-Forwarded-For</c>, <c>-Proto</c>, <c>-Host</c>, <c>-Prefix</c> and
/// <c>Forwarded</c> (RFC 7239). What the client says of itself is believed only where it is a trusted proxy.
/// </summary>
internal sealed class ForwardedHeaders(string prefix, TrustedProxies trusted)
{
    private const string For = "X-Forwarded-For";
    private const string Proto = "X-Forwarded-Proto";
    private const string Host = "X-Forwarded-Host";
    private const string Prefix = "X-Forwarded-Prefix";
    private const string Standard = "Forwarded";

    // Nothing is told in these; but what a stranger says in them could be believed further on.
    private static readonly string[] Hearsay = ["X-Forwarded-Port", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Real-IP"];

    public void Write(HttpContext context, HttpRequestMessage message)
    {
        var request = context.Request;
        var peer = context.Connection.RemoteIpAddress;
        // A socket for both families tells of IPv4 as ::ffff:10.0.0.1.
        if (peer is { IsIPv4MappedToIPv6: true })
            peer = peer.MapToIPv4();
        var (address, host) = (peer?.ToString() ?? "unknown", request.Host.Value ?? "");
        var element = $"for={Node(peer, address)};host=\"{host}\";proto={request.Scheme}";

        if (trusted.Contains(peer))
        {
            Append(message, request.Headers, For, address);
            Append(message, request.Headers, Standard, element);
            // The first proxy saw what the client asked for; the ones behind it only see each other.
            Keep(message, request.Headers, Proto, request.Scheme);
            Keep(message, request.Headers, Host, host);
            if (prefix.Length > 0)
                Replace(message, request.Headers, Prefix, request.Headers[Prefix].ToString().TrimEnd('/') + prefix);
        }
        else
        {
            Replace(message, request.Headers, For, address);
            Replace(message, request.Headers, Standard, element);
            Replace(message, request.Headers, Proto, request.Scheme);
            Replace(message, request.Headers, Host, host);
            Replace(message, request.Headers, Prefix, prefix);
            foreach (var name in Hearsay)
                Replace(message, request.Headers, name, "");
        }
    }

    private static void Append(HttpRequestMessage message, IHeaderDictionary received, string name, string value) =>
        Replace(message, received, name, received[name] is { Count: > 0 } before ? $"{before}, {value}" : value);

    // Set even where it was received: the one before may have named it in Connection, and it would be gone.
    private static void Keep(HttpRequestMessage message, IHeaderDictionary received, string name, string value) =>
        Replace(message, received, name, received[name] is { Count: > 0 } before && !StringValues.IsNullOrEmpty(before) ? before.ToString() : value);

    // What was received stands in the message already.
    private static void Replace(HttpRequestMessage message, IHeaderDictionary received, string name, string value)
    {
        if (received.ContainsKey(name))
            message.Headers.Remove(name);
        if (value.Length > 0)
            message.Headers.TryAddWithoutValidation(name, value);
    }

    // RFC 7239, section 6: an IPv6 address stands in brackets and quotes.
    private static string Node(IPAddress? peer, string address) =>
        peer is { AddressFamily: AddressFamily.InterNetworkV6 } ? $"\"[{address}]\"" : address;
}
