using System.Security.Cryptography;
using System.Text.Json;
using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The checks that a container's metadata asks for: all of them, not only the first.</summary>
internal static class CheckRule
{
    public static AgentServiceCheck[] Of(
        string serviceId, PortMetadata metadata, Endpoint endpoint, ContainerFacts container, MappingContext context, List<string> warnings)
    {
        var settings = CheckSettings.Of(metadata, warnings);
        var target = Target(metadata, endpoint, container, warnings);
        var checks = Kinds(metadata, endpoint, target, container, context, settings, warnings).ToArray();
        foreach (var (kind, check) in checks)
            check.CheckID = checks.Length == 1 ? $"service:{serviceId}" : $"service:{serviceId}:{kind}";
        WarnOfStrays(metadata, warnings);
        return [.. checks.Select(named => settings.ApplyTo(named.Check))];
    }

    /// <summary>A short hash, so that a change of the checks, which Consul does not give back, is seen.</summary>
    public static string HashOf(AgentServiceCheck[] checks) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(checks)).AsSpan(0, 8));

    private static IEnumerable<(string Kind, AgentServiceCheck Check)> Kinds(
        PortMetadata metadata,
        Endpoint endpoint,
        string target,
        ContainerFacts container,
        MappingContext context,
        CheckSettings settings,
        List<string> warnings)
    {
        if (metadata.Find(MetadataKey.CheckHttp) is { } path)
            yield return ("http", HttpCheck.Of("http", target, path, metadata.Find(MetadataKey.CheckHttpMethod), metadata, warnings));
        if (metadata.Find(MetadataKey.CheckHttps) is { } securePath)
        {
            var method = metadata.Find(MetadataKey.CheckHttpsMethod);
            yield return ("https", HttpCheck.Of("https", target, securePath, method, metadata, warnings));
        }

        if (metadata.IsTrue(MetadataKey.CheckTcp))
            yield return ("tcp", new AgentServiceCheck { TCP = target });
        if (metadata.IsTrue(MetadataKey.CheckGrpc))
            yield return ("grpc", Grpc(target, metadata));
        if (settings.TimeToLive is { } timeToLive)
            yield return ("ttl", new AgentServiceCheck { TTL = timeToLive });
        foreach (var (kind, check) in CommandCheck.Of(metadata, endpoint, container, context.Options.EnableScriptChecks, warnings))
            yield return (kind, check);
    }

    private static AgentServiceCheck Grpc(string target, PortMetadata metadata)
    {
        var tls = metadata.IsTrue(MetadataKey.CheckGrpcUseTls);
        return new AgentServiceCheck
        {
            GRPC = target,
            GRPCUseTLS = tls,
            TLSSkipVerify = tls && metadata.IsTrue(MetadataKey.CheckTlsSkipVerify),
        };
    }

    /// <summary>Where the check knocks: another port of the container is looked up where that one is published.</summary>
    private static string Target(PortMetadata metadata, Endpoint endpoint, ContainerFacts container, List<string> warnings)
    {
        var port = endpoint.PublishedPort;
        if (metadata.Find(MetadataKey.CheckPort) is { } text)
        {
            if (ContainerPort.Parse(text) is { } other)
                port = PublishedPortOf(other, endpoint, container);
            else
                warnings.Add($"SERVICE_CHECK_PORT is not a port number from 1 to 65535; port {port} is checked");
        }

        return endpoint.Address.Contains(':', StringComparison.Ordinal) ? $"[{endpoint.Address}]:{port}" : $"{endpoint.Address}:{port}";
    }

    private static int PublishedPortOf(ContainerPort other, Endpoint endpoint, ContainerFacts container) =>
        endpoint.PublishedPort == endpoint.Port.Number ? other.Number
        : container.Bindings.GetValueOrDefault(other) is [var binding, ..] ? binding.Port
        : other.Number;

    // Most likely a slip of the pen, and a service without its check passes at once.
    private static void WarnOfStrays(PortMetadata metadata, List<string> warnings)
    {
        var strays = metadata.All.Select(pair => pair.Key)
            .Where(key => key.StartsWith(MetadataKey.CheckPrefix, StringComparison.Ordinal) && !MetadataKey.IsKnown(key));
        foreach (var key in strays.Order(StringComparer.Ordinal).Take(5))
            warnings.Add($"SERVICE_{(key.Length > 40 ? key[..40] : key).ToUpperInvariant()} is no setting of a check; it becomes Meta");
    }
}
