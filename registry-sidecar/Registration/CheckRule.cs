using System.IO.Hashing;
using System.Text.Json;
using Consul;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The checks that a container's metadata asks for: all of them, not only the first.</summary>
internal static class CheckRule
{
    private const string HttpKind = "http";
    private const string HttpsKind = "https";
    private const string TcpKind = "tcp";
    private const string GrpcKind = "grpc";
    private const string TtlKind = "ttl";
    private const string DefaultKind = "default";

    private static readonly TimeSpan DefaultCheckInterval = TimeSpan.FromSeconds(2);

    public static ServiceChecks Of(
        string serviceId,
        PortMetadata metadata,
        Endpoint endpoint,
        ContainerFacts container,
        bool isCandidate,
        MappingContext context,
        List<string> warnings)
    {
        var settings = CheckSettings.Of(metadata, context.AgentVersion, warnings);
        var target = Target(metadata, endpoint, container, warnings);
        var named = Kinds(metadata, endpoint, target, container, context, settings, warnings).ToList();
        foreach (var (kind, check) in named)
            check.CheckID = named.Count == 1 ? CheckIds.OfOnly(serviceId) : CheckIds.Of(kind, serviceId);
        WarnOfStrays(metadata, warnings);

        var reported = Reported(serviceId, metadata, named, container);
        var checks = named.Select(one => one.Check).ToList();
        checks.AddRange(reported.Where(report => checks.TrueForAll(check => check.CheckID != report.CheckId)).Select(Mirror));
        if (IsDefaultCheckNeeded(metadata, endpoint, named, reported, context))
            checks.Add(new AgentServiceCheck { CheckID = CheckIds.Of(DefaultKind, serviceId), TCP = target, Interval = DefaultCheckInterval });
        return WithStatus([.. checks.Select(settings.ApplyTo)], reported, settings, isCandidate, warnings);
    }

    /// <summary>
    /// A short hash, so that a change of the checks, which Consul does not give back, is seen. Not a cryptographic one: that would be all
    /// for which OpenSSL is loaded, 5 MiB of it.
    /// </summary>
    public static string HashOf(AgentServiceCheck[] checks) =>
        Convert.ToHexStringLower(XxHash64.Hash(JsonSerializer.SerializeToUtf8Bytes(checks, CheckJson.Default.AgentServiceCheckArray)));

    // The status is no part of the hash: a change of it is reported, and must not lead to a new registration.
    private static ServiceChecks WithStatus(
        AgentServiceCheck[] checks, List<ReportedCheck> reported, CheckSettings settings, bool isCandidate, List<string> warnings)
    {
        var hash = HashOf(checks);
        var initial = settings.InitialStatusOf(isCandidate, warnings);
        foreach (var check in checks)
            check.Status = reported.Find(report => report.CheckId == check.CheckID)?.Status ?? initial;
        return new ServiceChecks(checks, hash, reported);
    }

    private static List<ReportedCheck> Reported(
        string serviceId, PortMetadata metadata, List<(string Kind, AgentServiceCheck Check)> named, ContainerFacts container)
    {
        var reported = new List<ReportedCheck>();
        var health = metadata.IsRefused(MetadataKey.CheckHealthcheck) ? null : container.Health;
        if (health is not null)
            reported.Add(ReportedCheck.Mirror(serviceId, health));
        if (!metadata.IsRefused(MetadataKey.CheckTtlHeartbeat) && named.Find(one => one.Kind == TtlKind).Check is { TTL: { } timeToLive } check)
            reported.Add(ReportedCheck.Heartbeat(serviceId, check.CheckID!, timeToLive, container, health));
        return reported;
    }

    private static AgentServiceCheck Mirror(ReportedCheck report) => new()
    {
        CheckID = report.CheckId,
        TTL = report.TimeToLive,
        Notes = "Says what the container's HEALTHCHECK says.",
    };

    /// <summary>
    /// Consul takes an instance without checks as passing at once. That a container runs, which is all that a heartbeat says,
    /// does not show that it answers either.
    /// </summary>
    private static bool IsDefaultCheckNeeded(
        PortMetadata metadata,
        Endpoint endpoint,
        List<(string Kind, AgentServiceCheck Check)> named,
        List<ReportedCheck> reported,
        MappingContext context) =>
        context.Options.DefaultCheck == DefaultCheck.Tcp
        && endpoint.Port.IsTcp
        && !metadata.IsRefused(MetadataKey.CheckTcp)
        && named.TrueForAll(one => one.Kind == TtlKind && reported.Exists(report => report.CheckId == one.Check.CheckID))
        && reported.TrueForAll(report => named.Exists(one => one.Check.CheckID == report.CheckId));

    private static IEnumerable<(string Kind, AgentServiceCheck Check)> Kinds(
        PortMetadata metadata,
        Endpoint endpoint,
        string target,
        ContainerFacts container,
        MappingContext context,
        CheckSettings settings,
        List<string> warnings)
    {
        if (HttpCheck.Of(HttpKind, target, MetadataKey.CheckHttp, MetadataKey.CheckHttpMethod, metadata, settings, warnings) is { } http)
            yield return (HttpKind, http);
        if (HttpCheck.Of(HttpsKind, target, MetadataKey.CheckHttps, MetadataKey.CheckHttpsMethod, metadata, settings, warnings) is { } https)
            yield return (HttpsKind, https);

        if (metadata.IsTrue(MetadataKey.CheckTcp))
            yield return (TcpKind, new AgentServiceCheck { TCP = target });
        if (metadata.IsTrue(MetadataKey.CheckGrpc))
            yield return (GrpcKind, Grpc(target, metadata));
        if (settings.TimeToLive is { } timeToLive)
        {
            var notes = metadata.IsRefused(MetadataKey.CheckTtlHeartbeat) ? null : ReportedCheck.HeartbeatNotes;
            yield return (TtlKind, new AgentServiceCheck { TTL = timeToLive, Notes = notes });
        }

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

    /// <summary>Where the check knocks: another port of the container is looked up where that one is published, or is named as it is published.</summary>
    private static string Target(PortMetadata metadata, Endpoint endpoint, ContainerFacts container, List<string> warnings)
    {
        var port = endpoint.PublishedPort;
        if (metadata.Find(MetadataKey.CheckPort) is { } text)
        {
            if (ContainerPort.Parse(text) is { } other)
                port = PortOf(other, endpoint, container, warnings);
            else
                warnings.Add($"SERVICE_CHECK_PORT is not a port number from 1 to 65535; port {port} is checked");
        }

        return endpoint.Address.Contains(':', StringComparison.Ordinal) ? $"[{endpoint.Address}]:{port}" : $"{endpoint.Address}:{port}";
    }

    private static int PortOf(ContainerPort other, Endpoint endpoint, ContainerFacts container, List<string> warnings)
    {
        if (!endpoint.IsPublished)
            return other.Number;
        if (EndpointRule.BindingOf(other, container) is { } binding)
            return binding.Port;
        if (endpoint.IsElsewhere || container.Bindings.Values.Any(bindings => bindings.Any(one => one.Port == other.Number)))
            return other.Number;
        // Any other port of the host is somebody else's, the agent's own among them, and would get whatever request a label says.
        warnings.Add($"SERVICE_CHECK_PORT names port {other}, which the container does not publish; port {endpoint.PublishedPort} is checked");
        return endpoint.PublishedPort;
    }

    // Most likely a slip of the pen, and a service without its check passes at once.
    private static void WarnOfStrays(PortMetadata metadata, List<string> warnings)
    {
        var strays = metadata.All.Select(pair => pair.Key)
            .Where(key => key.StartsWith(MetadataKey.CheckPrefix, StringComparison.Ordinal) && !MetadataKey.IsKnown(key));
        foreach (var key in strays.Order(StringComparer.Ordinal).Take(5))
            warnings.Add($"SERVICE_{ForeignText.Shown(key, 40).ToUpperInvariant()} is no setting of a check; it becomes Meta");
    }
}
