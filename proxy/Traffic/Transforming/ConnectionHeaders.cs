using System.Net.Http.Headers;

namespace ServiceMesh.Proxy.Traffic.Transforming;

/// <summary>
/// Takes off the headers that a message names in <c>Connection</c>: they were meant for the proxy alone (RFC 9110, section
/// 7.6.1). YARP drops the well-known ones of them; those that a client or an instance names itself are dropped here.
/// </summary>
internal static class ConnectionHeaders
{
    private const string Name = "Connection";

    public static void Drop(IHeaderDictionary received, HttpRequestMessage message)
    {
        foreach (var value in received.Connection)
        {
            foreach (var token in Named(value))
                Remove(message, token);
        }
    }

    public static void Drop(HttpResponseHeaders received, IHeaderDictionary answer)
    {
        if (!received.NonValidated.TryGetValues(Name, out var values))
            return;
        foreach (var value in values)
        {
            foreach (var token in Named(value))
                answer.Remove(token);
        }
    }

    /// <summary>Removes a header of any name from where it lies: a content's headers lie with the content.</summary>
    public static void Remove(HttpRequestMessage message, string name)
    {
        // The collections refuse a name that does not belong to them; being asked for it they only say no.
        if (message.Headers.NonValidated.Contains(name))
            message.Headers.Remove(name);
        else if (message.Content?.Headers is { } content && content.NonValidated.Contains(name))
            content.Remove(name);
    }

    /// <summary>
    /// The headers that a <c>Connection</c> names. What a route may not change cannot be named: the length, the host and the
    /// like are no business of one connection, or are dropped anyway; but <c>Trailer</c> is not.
    /// </summary>
    public static IEnumerable<string> Named(string? value) =>
        value is null || IsClose(value) || value.Equals("keep-alive", StringComparison.OrdinalIgnoreCase)
            ? []
            : value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Where(token => !IsClose(token) && (!HeaderChanges.Forbidden.Contains(token) || Is(token, "Trailer")));

    private static bool IsClose(string token) => Is(token, "close");

    private static bool Is(string token, string word) => token.Equals(word, StringComparison.OrdinalIgnoreCase);
}
