namespace ServiceMesh.Deployer.Manifest;

/// <summary>What a <c>service.yaml</c> asks for, checked.</summary>
internal sealed record ServiceManifest
{
    /// <summary>No wait may be longer: what takes a day has failed, and timers end at 49 days.</summary>
    public static TimeSpan LongestWait { get; } = TimeSpan.FromDays(1);

    public required string Name { get; init; }

    public required ImageReference Image { get; init; }

    /// <summary>The container port that serves the traffic.</summary>
    public required int Port { get; init; }

    public required IReadOnlyList<Route> Routes { get; init; }

    public int Replicas { get; init; } = 1;

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public HealthPolicy Health { get; init; } = new();

    /// <summary>The service's own integration tests; <c>null</c> to promote without any.</summary>
    public TestPolicy? Tests { get; init; }

    /// <summary>How long requests in flight may keep an old instance alive.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many retired releases keep their (stopped) containers for a rollback.</summary>
    public int Keep { get; init; } = 1;
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

/// <summary>The tests that stand between a candidate and the traffic.</summary>
internal sealed record TestPolicy
{
    /// <summary>Without a tag of its own it is run in the version that is deployed.</summary>
    public required ImageReference Image { get; init; }

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);
}
