using System.Net;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>An address that somebody wrote, to be registered.</summary>
internal static class HostAddress
{
    /// <returns>The IP address, of version 6 without brackets, or the host name; <c>null</c> if it is neither, or more.</returns>
    public static string? Parse(string text)
    {
        var bare = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
        return !bare.Contains('[', StringComparison.Ordinal) && (IPAddress.TryParse(bare, out _) || Uri.CheckHostName(bare) == UriHostNameType.Dns)
            ? bare
            : null;
    }
}
