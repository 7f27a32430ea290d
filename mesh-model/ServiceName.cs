using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace ServiceMesh;

/// <summary>The name of a service: one DNS label, so that it can stand in a host name, a KV key and a URL path.</summary>
public static class ServiceName
{
    /// <summary>The most characters that a name may have.</summary>
    public const int LongestName = 63;

    /// <summary>The rule, in words, for error messages.</summary>
    public const string Rule = "1 to 63 of a-z, 0-9 and '-', neither first nor last a '-' (one DNS label, RFC 1123)";

    private static readonly SearchValues<char> Allowed = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Whether <paramref name="name"/> is one lower-case DNS label (RFC 1123, section 2.1).</summary>
    public static bool IsValid([NotNullWhen(true)] string? name) =>
        name is { Length: > 0 and <= LongestName } && name[0] != '-' && name[^1] != '-' && !name.AsSpan().ContainsAnyExcept(Allowed);
}
