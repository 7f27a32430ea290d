using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The moment at which production changes, and what follows it.</summary>
internal static class Promotion
{
    public static Task<ulong> CommitAsync(Attempt attempt, ServiceDocument after, Narrator narrator) =>
        narrator.PhaseAsync("promote", async () =>
        {
            var index = await attempt.CommitAsync(after);
            return (index, $"{after.Service} {after.Active!.Version} is active at index {index}");
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
