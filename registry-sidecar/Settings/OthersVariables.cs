using Consul;
using ServiceMesh.Docker;

namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>The variables that Docker's and Consul's own tools read, as far as they are wrong: all are told at the start, like the settings.</summary>
internal static class OthersVariables
{
    /// <summary>The address that an option beats.</summary>
    public const string ConsulAddress = "CONSUL_HTTP_ADDR";

    /// <summary>Those that mean something alone, and those that do so only together.</summary>
    private static readonly string[][] Consuls =
    [
        [ConsulAddress], ["CONSUL_HTTP_SSL"], ["CONSUL_HTTP_SSL_VERIFY"], ["CONSUL_HTTP_TOKEN_FILE", "CONSUL_HTTP_TOKEN"],
        ["CONSUL_CACERT"], ["CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY"],
    ];

    public static IEnumerable<string> Faults(SidecarOptions options) =>
    [
        .. Consuls.Where(names => options.ConsulAddress is null || names[0] != ConsulAddress).Select(ConsulFault).OfType<string>(),
        .. DockerFaults(options),
    ];

    // Each by itself, since the client stops at the first that it cannot use.
    private static string? ConsulFault(string[] names)
    {
        try
        {
            new ConsulTransport(new ConsulClientConfiguration(name => names.Contains(name) ? Environment.GetEnvironmentVariable(name) : null)).Dispose();
            return null;
        }
        catch (ConsulConfigurationException error)
        {
            return Sentence(error.Message.StartsWith(names[0], StringComparison.Ordinal) ? error.Message : $"{string.Join(", ", names)}: {error.Message}");
        }
    }

    private static IEnumerable<string> DockerFaults(SidecarOptions options)
    {
        if (options.DockerHost is null && Fault(() => DockerEngine.DefaultEndpoint) is { } address)
            yield return $"Docker's address (DOCKER_HOST, or the context that DOCKER_CONTEXT names) cannot be used: {address} Give unix:///path or tcp://host:port.";
        if (Fault(DockerCertificates.FromEnvironment) is { } certificates)
            yield return $"DOCKER_TLS_VERIFY is set: {certificates}";
    }

    // What the library throws differs with each way to be wrong.
    private static string? Fault(Func<object?> use)
    {
        try
        {
            use();
            return null;
        }
        catch (Exception error)
        {
            return Sentence(error.Message);
        }
    }

    private static string Sentence(string text) => ForeignText.Shown(text.TrimEnd('.')) + ".";
}
