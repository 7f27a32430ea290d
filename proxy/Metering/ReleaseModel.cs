namespace ServiceMesh.Proxy.Metering;

/// <summary>A release in the traffic with its meter, which counts from zero when the release enters the traffic and goes on while its instances come and go.</summary>
/// <param name="Release">The release.</param>
/// <param name="Meter">The same object for as long as the release is in the traffic.</param>
internal sealed record ReleaseModel(Release Release, Meter Meter)
{
    /// <summary>The releases that the document has in the traffic; those that were there before keep their meters.</summary>
    public static IReadOnlyList<ReleaseModel> Follow(IReadOnlyList<ReleaseModel> before, ServiceDocument? document)
    {
        Release?[] releases = [document?.Active, document?.Split?.Release];
        return [.. releases.OfType<Release>().Select(release => new ReleaseModel(
            release, before.FirstOrDefault(known => known.Release.Deployment == release.Deployment)?.Meter ?? new Meter()))];
    }
}
