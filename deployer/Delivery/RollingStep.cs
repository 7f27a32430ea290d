namespace ServiceMesh.Deployer.Delivery;

/// <summary>One batch of a rolling delivery. Pure.</summary>
/// <param name="From">The number of the batch's first replica, 1 for the very first.</param>
/// <param name="To">The number of its last one.</param>
/// <param name="Share">The new release's share of the traffic in percent, once the batch is healthy; 100 with the last.</param>
/// <param name="Remaining">How many replicas of the active release still serve beside it.</param>
internal sealed record RollingStep(int From, int To, double Share, int Remaining)
{
    public bool Has(int number) => number >= From && number <= To;

    /// <param name="replicas">How many replicas the new release is to have.</param>
    /// <param name="batch">How many come at a time.</param>
    /// <param name="active">How many the active release has.</param>
    public static IReadOnlyList<RollingStep> Of(int replicas, int batch, int active) =>
    [
        .. Enumerable.Range(0, ((replicas - 1) / batch) + 1)
            .Select(number => (From: (number * batch) + 1, To: Math.Min(replicas, (number + 1) * batch)))
            // Rounded up: those that remain are as many as their part of the traffic needs.
            .Select(step => new RollingStep(
                step.From, step.To, Math.Round(100.0 * step.To / replicas, 2), ((active * (replicas - step.To)) + replicas - 1) / replicas)),
    ];
}
