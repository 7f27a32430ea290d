namespace ServiceMesh.Load;

/// <summary>How a <see cref="LoadGenerator"/> asks.</summary>
public sealed record LoadOptions
{
    /// <summary>How many connections ask at the same time, each one request after the other.</summary>
    public int Concurrency { get; init; } = 16;

    /// <summary>Requests a second over all connections; a target that answers slower gets fewer.</summary>
    public double Rate { get; init; } = 500;

    /// <summary>How many requests are sent at least, also after a stop is asked for.</summary>
    public long MinRequests { get; init; }

    /// <summary>The end in any case, whatever the minimum says.</summary>
    public TimeSpan MaxDuration { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>A request that takes longer has failed.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
