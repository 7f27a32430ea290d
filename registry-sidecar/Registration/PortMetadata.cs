namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The metadata that holds for one port of one container.</summary>
/// <param name="entries">What is said of it.</param>
/// <param name="general">What else holds, because it is said of no port in particular.</param>
internal sealed class PortMetadata(IReadOnlyDictionary<string, MetadataEntry> entries, PortMetadata? general = null)
{
    public IEnumerable<KeyValuePair<string, string>> All => entries
        .Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Value))
        .Concat(general?.All.Where(entry => !entries.ContainsKey(entry.Key)) ?? []);

    /// <summary>The value; <c>null</c> if it is missing or empty.</summary>
    public string? Find(string key) => Entry(key)?.Value is { Length: > 0 } value ? value : null;

    public bool IsTrue(string key) => Find(key) is { } value && !IsFalse(value);

    /// <summary>Whether it is given, and says no.</summary>
    public bool IsRefused(string key) => Find(key) is { } value && IsFalse(value);

    public bool IsPortSpecific(string key) => Entry(key) is { IsPortSpecific: true, Value.Length: > 0 };

    private MetadataEntry? Entry(string key) => entries.GetValueOrDefault(key) ?? general?.Entry(key);

    private static bool IsFalse(string value) => value.Trim().ToLowerInvariant() is "" or "false" or "0" or "no" or "off";
}

/// <summary>The keys that have a meaning of their own; every other one becomes Consul Meta.</summary>
internal static class MetadataKey
{
    public const string Name = "name";
    public const string Id = "id";
    public const string Tags = "tags";
    public const string Ignore = "ignore";

    // Not among the known ones: it stays in Meta, too, as it always was.
    public const string Weight = "weight";
    public const string CheckPrefix = "check_";
    public const string CheckHttp = "check_http";
    public const string CheckHttpMethod = "check_http_method";
    public const string CheckHttps = "check_https";
    public const string CheckHttpsMethod = "check_https_method";
    public const string CheckHeader = "check_header";
    public const string CheckBody = "check_body";
    public const string CheckTlsSkipVerify = "check_tls_skip_verify";
    public const string CheckTcp = "check_tcp";
    public const string CheckGrpc = "check_grpc";
    public const string CheckGrpcUseTls = "check_grpc_use_tls";
    public const string CheckTtl = "check_ttl";
    public const string CheckTtlHeartbeat = "check_ttl_heartbeat";
    public const string CheckHealthcheck = "check_healthcheck";
    public const string CheckScript = "check_script";
    public const string CheckCommand = "check_cmd";
    public const string CheckDocker = "check_docker";
    public const string CheckInterval = "check_interval";
    public const string CheckTimeout = "check_timeout";
    public const string CheckInitialStatus = "check_initial_status";
    public const string CheckDeregisterAfter = "check_deregister_after";
    public const string CheckPort = "check_port";
    public const string CheckSuccessBeforePassing = "check_success_before_passing";
    public const string CheckFailuresBeforeCritical = "check_failures_before_critical";

    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        Name, Id, Tags, Ignore, CheckHttp, CheckHttpMethod, CheckHttps, CheckHttpsMethod, CheckHeader, CheckBody,
        CheckTlsSkipVerify, CheckTcp, CheckGrpc, CheckGrpcUseTls, CheckTtl, CheckTtlHeartbeat, CheckHealthcheck, CheckScript,
        CheckCommand, CheckDocker, CheckInterval, CheckTimeout, CheckInitialStatus, CheckDeregisterAfter, CheckPort, CheckSuccessBeforePassing,
        CheckFailuresBeforeCritical,
    };

    public static bool IsKnown(string key) => Known.Contains(key);
}
