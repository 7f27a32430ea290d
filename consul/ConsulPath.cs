namespace Consul;

/// <summary>Names and keys as parts of a URL's path.</summary>
internal static class ConsulPath
{
    /// <summary>An id or a name as one segment: a slash in it is escaped.</summary>
    public static string Segment(string name)
    {
        // An empty one would ask another endpoint.
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Uri.EscapeDataString(name);
    }

    /// <summary>A KV key: its slashes stay, all else is escaped.</summary>
    public static string Key(string key) =>
        string.Join('/', key.Split('/').Select(Uri.EscapeDataString));
}
