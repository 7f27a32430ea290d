using ServiceMesh.Policy;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>What a <c>service.yaml</c> asks for, checked.</summary>
internal sealed record ServiceManifest
{
    /// <summary>No wait may be longer: what takes a day has failed, and timers end at 49 days.</summary>
    public static TimeSpan LongestWait { get; } = TimeSpan.FromDays(1);

    /// <summary>The most containers that one release may have.</summary>
    public const int MostReplicas = 50;

    public required string Name { get; init; }

    public required ImageReference Image { get; init; }

    /// <summary>The container port that serves the traffic.</summary>
    public required int Port { get; init; }

    public required IReadOnlyList<Route> Routes { get; init; }

    public int Replicas { get; init; } = 1;

    /// <summary>The names of the Docker hosts that the replicas are spread over; none for all hosts.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public HealthPolicy Health { get; init; } = new();

    /// <summary>Environment variables whose values are read where the deployer runs, and told nowhere.</summary>
    public IReadOnlyList<SecretSource> Secrets { get; init; } = [];

    /// <summary>These and those of the tests.</summary>
    public IEnumerable<SecretSource> AllSecrets => Secrets.Concat(Tests.SelectMany(suite => suite.Secrets));

    public ResourceLimits Resources { get; init; } = new();

    /// <summary>The suites of the service's own integration tests, in their order; none to promote without any.</summary>
    public IReadOnlyList<TestPolicy> Tests { get; init; } = [];

    /// <summary>How long requests in flight may keep an old instance alive.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How requests are sent to the instances.</summary>
    public TrafficPolicy Traffic { get; init; } = TrafficPolicy.Default;

    /// <summary>How a release comes into the traffic.</summary>
    public Strategy Strategy { get; init; } = new();

    /// <summary>How a release is watched after its promotion; <c>null</c> for not at all.</summary>
    public WatchPolicy? Watch { get; init; }

    /// <summary>How many retired releases keep their containers for a rollback.</summary>
    public int Keep { get; init; } = 1;

    /// <summary>How many of those keep running.</summary>
    public int Warm { get; init; }
}

/// <summary>When an instance counts as healthy.</summary>
internal sealed record HealthPolicy
{
    /// <summary>The path that must answer 2xx; <c>null</c> for a check that only connects.</summary>
    public string? HttpPath { get; init; }

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long every replica must be passing without a break.</summary>
    public TimeSpan HealthyFor { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long it may take until then, from the start of the containers.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(1);
}

/// <summary>How much of its host a container may have; <c>null</c> for no limit.</summary>
internal sealed record ResourceLimits
{
    /// <summary>Processors, such as 0.5.</summary>
    public double? Cpus { get; init; }

    /// <summary>In bytes; a container that needs more is ended.</summary>
    public long? Memory { get; init; }
}

/// <summary>One suite of the tests that stand between a candidate and the traffic.</summary>
internal sealed record TestPolicy
{
    /// <summary>What it is called among several suites.</summary>
    public string? Name { get; init; }

    /// <summary>Without a tag of its own it is run in the version that is deployed.</summary>
    public required ImageReference Image { get; init; }

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>As the service's; a suite is given none but its own.</summary>
    public IReadOnlyList<SecretSource> Secrets { get; init; } = [];

    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);

    public TestPlace On { get; init; } = TestPlace.Ci;

    public TestWay Through { get; init; } = TestWay.Direct;
}

/// <summary>How tests reach the candidate.</summary>
internal enum TestWay
{
    /// <summary>At an instance's own address.</summary>
    Direct,

    /// <summary>Through a proxy, on the way that its users' requests will take, with a header that only the deployer can sign.</summary>
    Proxy,
}

/// <summary>Where tests run.</summary>
internal enum TestPlace
{
    /// <summary>On the host that the deployer runs on, or that the file of hosts gives to tests.</summary>
    Ci,

    /// <summary>On the first Docker host that has an instance of the candidate.</summary>
    Production,
}

/// <summary>How a release with a share of the traffic is judged beside the active one.</summary>
internal abstract record ObservationPolicy
{
    /// <summary>How long each share is observed.</summary>
    public TimeSpan Bake { get; init; }

    /// <summary>The least number of the candidate's requests, and of the active release's, that say anything.</summary>
    public int Minimum { get; init; } = 100;

    /// <summary>By how much the candidate's share of errors may exceed the active release's, 0 to 1.</summary>
    public double ErrorShare { get; init; } = 0.01;

    /// <summary>How many times the active release's p99 the candidate's may be; <c>null</c> for any.</summary>
    public double? P99Ratio { get; init; }

    /// <summary>The path that is asked of both releases where there are too few requests; <c>null</c> for none.</summary>
    public string? Synthetic { get; init; }
}

/// <summary>A release comes into the traffic by growing shares, each judged beside the active one before the next.</summary>
internal sealed record CanaryPolicy : ObservationPolicy
{
    public CanaryPolicy() => (Bake, P99Ratio) = (TimeSpan.FromMinutes(1), 1.5);

    /// <summary>The shares in percent, ascending, each more than 0 and less than 100; all of the traffic comes after the last.</summary>
    public IReadOnlyList<double> Steps { get; init; } = [10, 50];
}

/// <summary>
/// A release comes into the traffic replica by replica, each batch in the place of as many of the active release, and each but
/// the last judged before those are stopped. Without a time to bake nothing is judged.
/// </summary>
internal sealed record RollingPolicy : ObservationPolicy
{
    public RollingPolicy() => Bake = TimeSpan.FromSeconds(30);

    /// <summary>How many replicas come at a time.</summary>
    public int Batch { get; init; } = 1;
}

/// <summary>A release stays beside the active one until a person promotes or aborts it.</summary>
/// <param name="Share">Its share of the requests in percent.</param>
/// <param name="Header">The request header that chooses it; <c>null</c> for none.</param>
/// <param name="Cookie">The cookie that chooses it; <c>null</c> for none.</param>
internal sealed record AbPolicy(double Share, SplitMatch? Header, SplitMatch? Cookie);

/// <summary>A release is watched after its promotion, and reverted when it fails.</summary>
internal sealed record WatchPolicy
{
    /// <summary>For how long.</summary>
    public TimeSpan For { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The share of errors that it may have, 0 to 1.</summary>
    public double ErrorShare { get; init; } = 0.05;

    /// <summary>The least number of requests that say anything.</summary>
    public int Minimum { get; init; } = 20;
}
