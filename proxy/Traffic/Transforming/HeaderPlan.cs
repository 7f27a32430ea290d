namespace ServiceMesh.Proxy.Traffic.Transforming;

/// <summary>A route's changes among headers, ready to be made.</summary>
internal sealed class HeaderPlan
{
    private readonly KeyValuePair<string, string>[] set;
    private readonly string[] remove;

    private HeaderPlan(HeaderChanges changes)
    {
        set = [.. changes.Set];
        remove = [.. changes.Remove];
    }

    public static HeaderPlan? Of(HeaderChanges? changes) =>
        changes is null or { Set.Count: 0, Remove.Count: 0 } ? null : new HeaderPlan(changes);

    public void Apply(HttpRequestMessage message)
    {
        foreach (var name in remove)
            ConnectionHeaders.Remove(message, name);
        foreach (var (name, value) in set)
        {
            ConnectionHeaders.Remove(message, name);
            // Of a request without a body there is no content whose type or language could be told.
            if (!message.Headers.TryAddWithoutValidation(name, value))
                message.Content?.Headers.TryAddWithoutValidation(name, value);
        }
    }

    public void Apply(IHeaderDictionary headers)
    {
        foreach (var name in remove)
            headers.Remove(name);
        foreach (var (name, value) in set)
            headers[name] = value;
    }
}
