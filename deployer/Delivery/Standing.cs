using System.Globalization;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a service's document makes of a release. Pure.</summary>
internal static class Standing
{
    /// <summary>Whether the document names the release: then its containers are no leftovers.</summary>
    public static bool IsNamed(StoredDocument stored, Release? release) =>
        stored.Fault is not null || (release is not null && stored.Document?.StageOf(release.Deployment) is Stage.Active or Stage.Retired);

    /// <summary>What the release has of the traffic, and which verb ends that.</summary>
    public static string Of(StoredDocument stored, Release release)
    {
        var (service, document) = (stored.Service, stored.Document);
        if (stored.Fault is { } fault)
            return $"what Consul KV holds for {service} is no document any more: {fault}. Delete or mend that key; until then the proxies go by the last good one.";
        return document?.Split is { } split && split.Release.Deployment == release.Deployment
            ? string.Create(CultureInfo.InvariantCulture, $"{release.Version} still has {split.Share} % of the traffic beside {document.Active?.Version}. 'deployer abort {service}' ends that, 'deployer status {service}' tells of it.")
            : document?.Active?.Deployment == release.Deployment
                ? $"{release.Version} is active. 'deployer rollback {service}' returns to the release before, 'deployer status {service}' tells of it."
                : $"{release.Version} has no traffic. 'deployer status {service}' tells what is active.";
    }
}
