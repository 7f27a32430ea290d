namespace ServiceMesh;

/// <summary>The way that leads to a service: a host, a path prefix, or both.</summary>
/// <param name="Host">The exact host name, lower case, without port; <c>null</c> for any.</param>
/// <param name="Path">The path prefix, matched segment by segment: <c>/demo</c> leads <c>/demo</c> and <c>/demo/1</c>, not <c>/demos</c>.</param>
/// <param name="StripPath">Whether the prefix is taken off before the request reaches the instance.</param>
public sealed record Route(string? Host, string Path, bool StripPath)
{
    /// <summary>The path under which a proxy tells its own state; no route may take it.</summary>
    public const string Reserved = "/services";

    /// <summary>What is wrong with the route, a sentence each that names the value; empty when nothing is.</summary>
    public IEnumerable<string> Faults()
    {
        if (Path is null || !Path.StartsWith('/'))
        {
            yield return $"route path '{Path}' must begin with '/'";
            yield break;
        }

        if (Path.Length > 1 && Path.EndsWith('/'))
            yield return $"route path '{Path}' must not end with '/': it is a prefix of whole segments";
        if (Path.Contains("//", StringComparison.Ordinal) || Path.AsSpan().IndexOfAny("?#%\\ ") >= 0 || Path.Any(char.IsControl))
            yield return $"route path '{Path}' must be a plain path, without '//', '?', '#', '%', '\\' or spaces";
        if (Path.Equals(Reserved, StringComparison.OrdinalIgnoreCase) || Path.StartsWith(Reserved + "/", StringComparison.OrdinalIgnoreCase))
            yield return $"route path '{Path}' is taken: the proxy answers {Reserved} itself";
        if (Host is not null && (Host.Length > 253 || !Host.Split('.').All(ServiceName.IsValid)))
            yield return $"route host '{Host}' must be a host name in lower case, without a port";
    }
}
