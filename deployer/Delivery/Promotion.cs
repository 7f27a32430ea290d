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
        if (attempt.Locked)
            await takeover.CompleteAsync(attempt, after, index, drain, retention);
        else
            narrator.Warn($"the old containers of {after.Service} still run: the next deploy stops them");
    }
}
