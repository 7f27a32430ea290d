using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>An address that somebody wrote, to be registered.</summary>
internal static class HostAddress
{
    private static readonly SearchValues<char> DigitsAndDots = SearchValues.Create("0123456789.");

    /// <returns>The IP address, of version 6 without brackets, or the host name; <c>null</c> if it is neither, or more, or where nobody is.</returns>
    public static string? Parse(string text)
    {
        var bare = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
        return !bare.Contains('[', StringComparison.Ordinal) && (IPAddress.TryParse(bare, out var address) ? IsOne(address, bare) : IsName(bare)) ? bare : null;
    }

    /// <summary>Whether it stands for all addresses of a host; Consul refuses what is registered there.</summary>
    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    // .NET takes 10.0.0 for 10.0.0.0, and digits after a zero as octal.
    private static bool IsOne(IPAddress address, string text) =>
        !IsAny(address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == text);

    // Digits and dots alone are an address that is none.
    private static bool IsName(string text) =>
        Uri.CheckHostName(text) == UriHostNameType.Dns && text.AsSpan().ContainsAnyExcept(DigitsAndDots);
}
