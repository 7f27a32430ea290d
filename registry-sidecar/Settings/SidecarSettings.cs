using System.Globalization;
using System.Net;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>All settings there are.</summary>
internal static class SidecarSettings
{
    public static IReadOnlyList<Setting> All { get; } =
    [
        new("ip", "address", "Register published ports with this address instead of the host's.",
            (options, text) => HostAddress.Parse(text) is { } address
                ? options with { Ip = address }
                : "give an IP address, not 0.0.0.0 or ::, or a host name, without a port"),
        Switch("internal", "Register the container's own address and port instead of the published ones.",
            (options, on) => options with { Internal = on }),
        new("network", "name", "With --internal: the network whose address is taken; the label mesh.network beats it.",
            (options, text) => options with { Network = text }),
        Switch("explicit", "Register only ports that are named (SERVICE_NAME, SERVICE_<port>_NAME).",
            (options, on) => options with { Explicit = on }),
        new("use-ip-from-label", "label", "Register the address that stands in this label, cut at its last slash.",
            (options, text) => options with { UseIpFromLabel = text }),
        new("tags", "list", $"Tags for every service, comma-separated; they may name {TagTemplate.Rule}.", Tags),
        new("deregister", "when", "always, on-success (exit code 0, 137, 143, or --rm) or never (default: always).",
            (options, text) => text.ToLowerInvariant() switch
            {
                "always" => options with { Deregister = DeregisterPolicy.Always },
                "on-success" => options with { Deregister = DeregisterPolicy.OnSuccess },
                "never" => options with { Deregister = DeregisterPolicy.Never },
                _ => "give always, on-success or never",
            }),
        new("node", "name", "The owner mark of this node's registrations (default: the Docker host's name).",
            (options, text) => InstanceIds.IsRemovable(text) && MetaRule.Fits(text) && !text.Contains('/', StringComparison.Ordinal)
                ? options with { Node = text }
                : $"give letters, digits and punctuation without a slash, {MetaRule.ValueLimit} bytes at the most"),
        new("former-nodes", "list", "Names that this node had before, comma-separated: what they registered at this agent is taken over.",
            (options, text) => TagList.Split(text) is { Count: > 0 } names && names.All(MetaRule.Fits)
                ? options with { FormerNodes = names }
                : TooLong),
        new("environment", "name", "The mesh to work for; containers labelled with another one are left alone (default: mesh).",
            (options, text) => MetaRule.Fits(text) ? options with { Environment = text } : TooLong),
        Duration("resync", "How often Docker and Consul are compared although nothing happened (default: 30s).",
            TimeSpan.FromSeconds(1), (options, value) => options with { Resync = value }),
        Duration("cleanup-grace", "How long after its start the sidecar leaves registrations whose containers it never saw (default: 60s).",
            TimeSpan.Zero, (options, value) => options with { CleanupGrace = value }),
        Switch("enable-script-checks", "Allow SERVICE_CHECK_SCRIPT, _CMD and _DOCKER, which run commands with the agent's rights.",
            (options, on) => options with { EnableScriptChecks = on }),
        new("default-check", "kind", "tcp or none: the check of a TCP port that has none of its own (default: tcp).",
            (options, text) => text.ToLowerInvariant() switch
            {
                "tcp" => options with { DefaultCheck = DefaultCheck.Tcp },
                "none" => options with { DefaultCheck = DefaultCheck.None },
                _ => "give tcp or none",
            }),
        new("on-exit", "what", "keep or deregister this node's registrations when the sidecar ends (default: keep).",
            (options, text) => text.ToLowerInvariant() switch
            {
                "keep" => options with { OnExit = OnExit.Keep },
                "deregister" => options with { OnExit = OnExit.Deregister },
                _ => "give keep or deregister",
            }),
        new("docker-host", "uri", "Where Docker listens (default: DOCKER_HOST, then Docker's context, then the local socket).",
            (options, text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "unix" or "tcp" or "http" or "https"
                ? options with { DockerHost = uri }
                : "give unix:///path or tcp://host:port"),
        new("consul-http-addr", "uri", "Where this node's Consul agent listens (default: CONSUL_HTTP_ADDR, then http://127.0.0.1:8500).",
            (options, text) => ConsulAddress.Parse(text) is { } uri
                ? options with { ConsulAddress = uri }
                : $"give {ConsulAddress.Form}"),
        new("retry-attempts", "count", "How often Consul is asked again at the start before the sidecar ends with exit code 1 (default: -1, for ever).",
            (options, text) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count) && count >= -1
                ? options with { RetryAttempts = count }
                : "give a whole number, or -1 for ever"),
        new("status-port", "port", "Tell /healthz, /readyz and /metrics (Prometheus) on this port (default: 0, which is off).",
            (options, text) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
                ? options with { StatusPort = port }
                : "give a port number from 1 to 65535, or 0 for none"),
        new("status-address", "address", "The address that --status-port listens on; 0.0.0.0 is all of them (default: 127.0.0.1).",
            (options, text) => IPAddress.TryParse(text, out var address)
                ? options with { StatusAddress = address }
                : "give an IP address"),
        new("log-format", "format", "text or json, one line each (default: text).",
            (options, text) => text.ToLowerInvariant() switch
            {
                "text" => options with { LogFormat = LogFormat.Text },
                "json" => options with { LogFormat = LogFormat.Json },
                _ => "give text or json",
            }),
    ];

    private static string TooLong => $"give a name of {MetaRule.ValueLimit} bytes at the most";

    private static Setting Switch(string name, string help, Func<SidecarOptions, bool, SidecarOptions> apply) =>
        new(name, null, help, (options, text) => text.ToLowerInvariant() switch
        {
            "true" or "1" or "yes" => apply(options, true),
            "false" or "0" or "no" => apply(options, false),
            _ => "give true or false",
        });

    private static Setting Duration(string name, string help, TimeSpan least, Func<SidecarOptions, TimeSpan, SidecarOptions> apply) =>
        new(name, "duration", help, (options, text) =>
            DurationText.TryParse(text, out var value) && value >= least && value <= TimeSpan.FromDays(1)
            ? apply(options, value)
            : $"give {DurationText.Form}, {least.TotalSeconds:0}s at the least and 24h at the most");

    private static Applied Tags(SidecarOptions options, string text)
    {
        var (templates, faults) = (new List<TagTemplate>(), new List<string>());
        foreach (var tag in TagList.Split(text))
        {
            if (TagTemplate.TryParse(tag, out var template) is { } fault)
                faults.Add(fault);
            else
                templates.Add(template);
        }

        return faults.Count == 0 ? options with { Tags = templates } : $"{string.Join(", ", faults)}; there are {TagTemplate.Rule}";
    }
}
