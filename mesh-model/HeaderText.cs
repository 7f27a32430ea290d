using System.Buffers;

namespace ServiceMesh;

/// <summary>What may stand in a header (RFC 9110, sections 5.1 and 5.5).</summary>
internal static class HeaderText
{
    private const int Longest = 4096;

    private static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static bool IsName(string? text) =>
        text is { Length: > 0 and <= 256 } && !text.AsSpan().ContainsAnyExcept(Token);

    public static bool IsValue(string? text) =>
        text is { Length: <= Longest } && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') && text.Trim() == text;
}
