namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>The agent's address as an option; it means what the same text means in <c>CONSUL_HTTP_ADDR</c>.</summary>
internal static class ConsulAddress
{
    public const string Form = "http://host:port or https://host:port; a Unix socket cannot be used";

    private const int DefaultPort = 8500;

    /// <returns><c>null</c> if it is neither host, host:port nor an http or https URL.</returns>
    public static Uri? Parse(string text)
    {
        var url = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri is not { Scheme: "http" or "https", Host.Length: > 0 })
            return null;
        // A scheme without a port of its own shows whether one is given.
        var schemeless = url[url.IndexOf("://", StringComparison.Ordinal)..];
        var hasPort = Uri.TryCreate($"consul{schemeless}", UriKind.Absolute, out var plain) && plain.Port >= 0;
        return hasPort ? uri : new UriBuilder(uri) { Port = DefaultPort }.Uri;
    }

    /// <summary>The option beats <c>CONSUL_HTTP_ADDR</c>; <c>CONSUL_HTTP_SSL</c> holds for either.</summary>
    /// <param name="option">The option; <c>null</c> if it is not given.</param>
    /// <param name="environments">What the environment says, all in all.</param>
    /// <param name="ssl">The value of <c>CONSUL_HTTP_SSL</c>, which is known to be one.</param>
    public static Uri Of(Uri? option, Uri environments, string? ssl) =>
        option is null ? environments
        : ssl?.Trim() is "1" or "t" or "T" or "true" or "TRUE" or "True" ? new UriBuilder(option) { Scheme = Uri.UriSchemeHttps }.Uri
        : option;

    public static Uri Of(SidecarOptions options, Uri environments) =>
        Of(options.ConsulAddress, environments, Environment.GetEnvironmentVariable("CONSUL_HTTP_SSL"));
}
