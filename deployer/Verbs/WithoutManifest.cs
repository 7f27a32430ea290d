namespace ServiceMesh.Deployer.Verbs;

/// <summary>What holds for verbs that act on what runs already, without a manifest to ask.</summary>
internal static class WithoutManifest
{
    /// <summary>How long it may take to be passing.</summary>
    public static TimeSpan Deadline { get; } = TimeSpan.FromMinutes(1);

    /// <summary>How long requests in flight may keep an old instance alive.</summary>
    public static TimeSpan Drain { get; } = TimeSpan.FromSeconds(30);
}
