namespace Consul;

/// <summary>The environment variables that Consul's own tools read, as they read them but for the port.</summary>
internal static class ConsulEnvironment
{
    public static void Apply(ConsulClientConfiguration config, Func<string, string?> variable)
    {
        if (Value("CONSUL_HTTP_ADDR") is { } address)
            config.Address = ParseAddress(address);
        if (Value("CONSUL_HTTP_SSL") is { } ssl && ParseBool("CONSUL_HTTP_SSL", ssl))
            config.Address = new UriBuilder(config.Address) { Scheme = Uri.UriSchemeHttps }.Uri;
        if (Value("CONSUL_HTTP_SSL_VERIFY") is { } verify)
            config.VerifyServerCertificate = ParseBool("CONSUL_HTTP_SSL_VERIFY", verify);
        config.Token = Value("CONSUL_HTTP_TOKEN_FILE") is { } file ? ReadToken(file) : Value("CONSUL_HTTP_TOKEN");
        config.CACertificateFile = Value("CONSUL_CACERT");
        config.ClientCertificateFile = Value("CONSUL_CLIENT_CERT");
        config.ClientKeyFile = Value("CONSUL_CLIENT_KEY");

        string? Value(string name) => variable(name)?.Trim() is { Length: > 0 } value ? value : null;
    }

    /// <summary>
    /// "host", "host:port" or a URL. The port is 8500 where none is given, as in the Consul package; Consul's own tools
    /// take 80 or 443 there.
    /// </summary>
    private static Uri ParseAddress(string text)
    {
        var url = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri)
            || uri is not { Scheme: "http" or "https", Host.Length: > 0 })
        {
            throw new ConsulConfigurationException(
                $"CONSUL_HTTP_ADDR '{text[(text.LastIndexOf('@') + 1)..]}' is neither host:port nor an http or https URL");
        }

        // A scheme without a port of its own shows whether one is given.
        var schemeless = url[url.IndexOf("://", StringComparison.Ordinal)..];
        var hasPort = Uri.TryCreate($"consul{schemeless}", UriKind.Absolute, out var plain) && plain.Port >= 0;
        return hasPort ? uri : new UriBuilder(uri) { Port = 8500 }.Uri;
    }

    private static bool ParseBool(string name, string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw new ConsulConfigurationException($"{name} '{text}' is neither true nor false"),
    };

    private static string ReadToken(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim() is { Length: > 0 } token
                ? token
                : throw new ConsulConfigurationException($"CONSUL_HTTP_TOKEN_FILE '{file}' is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConsulConfigurationException($"CONSUL_HTTP_TOKEN_FILE '{file}' cannot be read: {e.Message}", e);
        }
    }
}
