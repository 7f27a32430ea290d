using Consul;

namespace ServiceMesh.RegistrySidecar.DryRun;

/// <summary>A check in one line: what it asks and how often.</summary>
internal static class CheckLine
{
    public static string Of(AgentServiceCheck check) => check switch
    {
        { HTTP: { } url } => $"{check.Method ?? "GET"} {url}{Every(check)}",
        { TCP: { } target } => $"tcp {target}{Every(check)}",
        { GRPC: { } target } => $"grpc {target}{Every(check)}",
        { TTL: { } timeToLive } => $"ttl {Seconds(timeToLive)}",
        { DockerContainerID: not null, Args: { } words } => $"docker {string.Join(' ', words)}{Every(check)}",
        { Args: { } words } => $"script {string.Join(' ', words)}{Every(check)}",
        _ => check.Name ?? check.CheckID ?? "check",
    };

    private static string Every(AgentServiceCheck check) => check.Interval is { } interval ? $" every {Seconds(interval)}" : "";

    private static string Seconds(TimeSpan time) => FormattableString.Invariant($"{time.TotalSeconds:0.###}s");
}
