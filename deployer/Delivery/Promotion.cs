using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The moment at which production changes, and what follows it.</summary>
internal static class Promotion
{
    /// <param name="attempt">The attempt.</param>
    /// <param name="after">The document after it.</param>
    /// <param name="narrator">Tells of it.</param>
    /// <param name="look">Gives the document by what the other services have, or refuses it; <c>null</c> where they have no say.</param>
    /// <returns>The document that was written, and its index.</returns>
    public static Task<(ServiceDocument After, ulong Index)> CommitAsync(Attempt attempt, ServiceDocument after, Narrator narrator, Func<Task<ServiceDocument>>? look) =>
        narrator.PhaseAsync("promote", async () =>
        {
            var index = await (look is null ? attempt.CommitAsync(after) : attempt.CommitAsync(async () => after = await look()));
            return ((after, index), $"{after.Service} {after.Active!.Version} is active at index {index}");
        });

    public static async Task FollowUpAsync(
        Attempt attempt, ServiceDocument after, ulong index, Takeover takeover, TimeSpan drain, Retention retention, Narrator narrator)
    {
        // Without the lock another deployer may already be at work on the same containers.
        if (await attempt.ResumeAsync() is { } hindrance)
            narrator.Warn($"{after.Service} {after.Active!.Version} was promoted, and its old containers still run, until the next deploy stops them: {hindrance.Message}");
        else
            await takeover.CompleteAsync(attempt, after, index, drain, retention);
    }
}
