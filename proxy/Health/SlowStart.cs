namespace ServiceMesh.Proxy.Health;

/// <summary>The growing weight of an instance that is new in the traffic: in ten steps from a tenth of its weight to the whole. Pure.</summary>
internal static class SlowStart
{
    private const int Steps = 10;

    // Far more than anybody needs, and the sum of many is still a number.
    private const int Heaviest = 100_000;

    /// <summary>The weight in effect, ten times the instance's own once it has its whole share.</summary>
    /// <param name="weight">The instance's own weight.</param>
    /// <param name="since">When it came into the traffic.</param>
    /// <param name="duration">How long its share grows; <c>null</c> for not at all.</param>
    /// <param name="now">The time.</param>
    public static int WeightOf(int weight, DateTimeOffset since, TimeSpan? duration, DateTimeOffset now) =>
        Math.Min(weight, Heaviest) * (duration is { } growing && growing > TimeSpan.Zero ? Math.Clamp(StepAt(since, growing, now), 1, Steps) : Steps);

    /// <summary>A weight in effect as people know it: the instance's own once it has its whole share.</summary>
    public static double ShareOf(int weight) => weight / (double)Steps;

    /// <summary>When the weight is another one; <c>null</c> if never.</summary>
    public static DateTimeOffset? NextStep(DateTimeOffset since, TimeSpan? duration, DateTimeOffset now) =>
        duration is { } growing && growing > TimeSpan.Zero && now < since + growing
            ? since + (growing / Steps * (Math.Max(StepAt(since, growing, now), 1) + 1))
            : null;

    private static int StepAt(DateTimeOffset since, TimeSpan growing, DateTimeOffset now) =>
        (int)Math.Clamp(Math.Floor((now - since) / growing * Steps), 0, Steps);
}
