using System.Globalization;
using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>What goes with any check, whatever its kind.</summary>
internal sealed record CheckSettings
{
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(10);

    // The sidecar says every third of it that all is well, for as long as the container runs.
    private static readonly TimeSpan ShortestLife = TimeSpan.FromSeconds(1);

    // An agent that is older takes the check and leaves them out without a word.
    private static readonly string[] Newer = [MetadataKey.CheckBody, MetadataKey.CheckSuccessBeforePassing, MetadataKey.CheckFailuresBeforeCritical];
    private static readonly Version KnowsNewer = new(1, 7, 0);

    public TimeSpan? Interval { get; private init; }

    public TimeSpan? Timeout { get; private init; }

    public TimeSpan? TimeToLive { get; private init; }

    public TimeSpan? DeregisterAfter { get; private init; }

    public HealthStatus? InitialStatus { get; private init; }

    public int SuccessBeforePassing { get; private init; }

    public int FailuresBeforeCritical { get; private init; }

    private IReadOnlyList<string> Unknown { get; init; } = [];

    public static CheckSettings Of(PortMetadata metadata, Version? agent, List<string> warnings)
    {
        var unknown = UnknownTo(agent, metadata, warnings);
        return new CheckSettings
        {
            Unknown = unknown,
            Interval = Duration(MetadataKey.CheckInterval),
            Timeout = Duration(MetadataKey.CheckTimeout),
            TimeToLive = Lasting(Duration(MetadataKey.CheckTtl), warnings),
            DeregisterAfter = Duration(MetadataKey.CheckDeregisterAfter),
            InitialStatus = Status(),
            SuccessBeforePassing = Count(MetadataKey.CheckSuccessBeforePassing),
            FailuresBeforeCritical = Count(MetadataKey.CheckFailuresBeforeCritical),
        };

        TimeSpan? Duration(string key)
        {
            if (metadata.Find(key) is not { } text)
                return null;
            if (DurationText.TryParse(text, out var duration) && duration > TimeSpan.Zero)
                return duration;
            warnings.Add($"SERVICE_{key.ToUpperInvariant()} is not {DurationText.Form}; it is left out");
            return null;
        }

        int Count(string key)
        {
            if (unknown.Contains(key) || metadata.Find(key) is not { } text)
                return 0;
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= 1000)
                return count;
            warnings.Add($"SERVICE_{key.ToUpperInvariant()} is not a whole number from 0 to 1000; it is left out");
            return 0;
        }

        HealthStatus? Status()
        {
            switch (metadata.Find(MetadataKey.CheckInitialStatus)?.ToLowerInvariant())
            {
                case null:
                    return null;
                case "passing":
                    return HealthStatus.Passing;
                case "warning":
                    return HealthStatus.Warning;
                case "critical":
                    return HealthStatus.Critical;
                default:
                    warnings.Add("SERVICE_CHECK_INITIAL_STATUS is not passing, warning or critical; the check begins as critical");
                    return null;
            }
        }
    }

    /// <summary>Whether the agent knows the setting.</summary>
    public bool IsKnown(string key) => !Unknown.Contains(key, StringComparer.Ordinal);

    private static TimeSpan? Lasting(TimeSpan? timeToLive, List<string> warnings)
    {
        if (timeToLive is null || timeToLive >= ShortestLife)
            return timeToLive;
        warnings.Add($"SERVICE_CHECK_TTL is shorter than {DurationText.Write(ShortestLife)}; it is left out");
        return null;
    }

    // An agent that does not say its version is taken as new.
    private static List<string> UnknownTo(Version? agent, PortMetadata metadata, List<string> warnings)
    {
        if (agent is null || agent >= KnowsNewer)
            return [];
        var unknown = Newer.Where(key => metadata.Find(key) is not null).ToList();
        var names = string.Join(" and ", unknown.Select(key => $"SERVICE_{key.ToUpperInvariant()}"));
        if (unknown.Count > 0)
            warnings.Add($"{names} left out, because Consul knows that from {KnowsNewer} on, and the agent is {agent}");
        return unknown;
    }

    /// <summary>Everything but the status, which changes while the check stays the same.</summary>
    public AgentServiceCheck ApplyTo(AgentServiceCheck check)
    {
        // A TTL check is not run, so neither interval nor timeout belong to it.
        check.Interval = check.TTL is null ? Interval ?? check.Interval ?? DefaultInterval : null;
        check.Timeout = check.TTL is null ? Timeout : null;
        check.DeregisterCriticalServiceAfter = DeregisterAfter;
        check.SuccessBeforePassing = SuccessBeforePassing;
        check.FailuresBeforeCritical = FailuresBeforeCritical;
        return check;
    }

    /// <summary>
    /// The status until the first run. A candidate is tested by what it answers, so it passes no earlier than that.
    /// </summary>
    public HealthStatus? InitialStatusOf(bool isCandidate, List<string> warnings)
    {
        if (!isCandidate || InitialStatus is null || InitialStatus == HealthStatus.Critical)
            return InitialStatus;
        warnings.Add("SERVICE_CHECK_INITIAL_STATUS does not hold for a candidate, whose checks begin as critical");
        return null;
    }
}
