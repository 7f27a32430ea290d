using System.Buffers;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Traffic.Transforming;

/// <summary>The address that an instance is asked for: the client's own spelling of it wherever that is plain.</summary>
internal static class TargetAddress
{
    // RFC 3986, appendix A: what a path and a query are made of.
    private static readonly SearchValues<char> Plain =
        SearchValues.Create("!$&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~%");

    private static readonly UriCreationOptions AsItStands = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <param name="destination">The instance's address, <c>http://host:port</c>.</param>
    /// <param name="context">The request.</param>
    /// <param name="prefix">The path prefix to take off; empty for none.</param>
    public static Uri Of(string destination, HttpContext context, string prefix)
    {
        var raw = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (IsPlain(raw) && Below(raw, prefix) is { } rest)
            return new Uri(destination + rest, AsItStands);

        // Spelled in some other way: as it was understood, spelled anew. An encoded slash is encoded once more then.
        var path = context.Request.Path.Value ?? "";
        return RequestUtilities.MakeDestinationAddress(
            destination, new PathString(prefix.Length > 0 ? path[prefix.Length..] : path), context.Request.QueryString);
    }

    // Decoded and encoded again, %2F and %252F would become the same. But what is passed on unread must not mean another
    // path than the one that was matched: so no segment that goes up ("..", however it is spelled) and no foreign character.
    private static bool IsPlain(string raw) =>
        raw.StartsWith('/')
        && !raw.AsSpan().ContainsAnyExcept(Plain)
        && !raw.Contains("/.", StringComparison.Ordinal)
        && !raw.Contains("%2e", StringComparison.OrdinalIgnoreCase);

    private static string? Below(string raw, string prefix)
    {
        if (prefix.Length == 0)
            return raw;
        if (!raw.StartsWith(prefix, StringComparison.Ordinal))
            return null;
        return raw.Length == prefix.Length ? "/" : raw[prefix.Length] switch
        {
            '/' => raw[prefix.Length..],
            '?' => "/" + raw[prefix.Length..],
            _ => null,
        };
    }
}
