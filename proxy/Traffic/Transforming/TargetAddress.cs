using System.Buffers;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Traffic.Transforming;

/// <summary>The address that an instance is asked for: the client's own spelling of it wherever that is plain.</summary>
internal static class TargetAddress
{
    // RFC 3986, appendix A: what a path is made of.
    private static readonly SearchValues<char> Plain =
        SearchValues.Create("!$&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~%");

    // Many put more into a query than they should (x[]=1); it leads nowhere, so what can be sent at all is passed on.
    private static readonly SearchValues<char> Visible =
        SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(code => (char)code).Where(sign => sign != '#')]);

    // What some servers take for a slash, before points; and a point.
    private static readonly SearchValues<string> Hidden = SearchValues.Create(["%2e", "%2f.", "%5c."], StringComparison.OrdinalIgnoreCase);

    private static readonly UriCreationOptions AsItStands = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <param name="destination">The instance's address, <c>http://host:port</c>.</param>
    /// <param name="context">The request.</param>
    /// <param name="prefix">The path prefix to take off; empty for none.</param>
    public static Uri Of(string destination, HttpContext context, string prefix)
    {
        var raw = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var end = raw.IndexOf('?') is >= 0 and var mark ? mark : raw.Length;
        if (IsPlain(raw.AsSpan(0, end)) && !raw.AsSpan(end).ContainsAnyExcept(Visible) && IsBelow(raw.AsSpan(0, end), prefix))
            return new Uri(string.Concat(destination, end == prefix.Length ? "/" : "", raw.AsSpan(prefix.Length)), AsItStands);

        // Spelled in some other way: as it was understood, spelled anew. An encoded slash is encoded once more then, since Kestrel leaves
        // it as it is, and so is a backslash, which is a slash to some.
        var path = (context.Request.Path.Value ?? "")[prefix.Length..].Replace("\\", "%5C", StringComparison.Ordinal);
        return RequestUtilities.MakeDestinationAddress(destination, new PathString(path), context.Request.QueryString);
    }

    // Decoded and encoded again, %2F and %252F would become the same. But what is passed on unread must not mean another
    // path than the one that was matched: so no segment that goes up ("..", however it is spelled) and no foreign character.
    private static bool IsPlain(ReadOnlySpan<char> path) =>
        path.StartsWith('/')
        && !path.ContainsAnyExcept(Plain)
        && !path.Contains("/.", StringComparison.Ordinal)
        && (!path.Contains('%') || !path.ContainsAny(Hidden));

    private static bool IsBelow(ReadOnlySpan<char> path, string prefix) =>
        path.StartsWith(prefix, StringComparison.Ordinal) && (path.Length == prefix.Length || prefix.Length == 0 || path[prefix.Length] == '/');
}
