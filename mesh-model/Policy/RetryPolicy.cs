namespace ServiceMesh.Policy;

/// <summary>
/// When a request is sent once more, to another instance: after a failed connection any request; after 502, 503, 504, a
/// broken answer or none within the route's timeout only one whose method is idempotent (RFC 9110, section 9.2.2) and that
/// has no body.
/// </summary>
/// <param name="Attempts">How many more times at most, 0 to 5; 0 switches it off.</param>
/// <param name="Budget">The share of a service's requests that may be retries, 0 to 1, beyond a few that are always allowed.</param>
public sealed record RetryPolicy(int Attempts = 2, double Budget = 0.2)
{
    /// <summary>What a document without it means.</summary>
    public static RetryPolicy Default { get; } = new();

    internal IEnumerable<string> Faults() =>
        [.. Limits.Check("traffic.retries.attempts", Attempts, 0, 5), .. Limits.Check("traffic.retries.budget", Budget, 0, 1)];
}
