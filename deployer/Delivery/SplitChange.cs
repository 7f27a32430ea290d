using System.Globalization;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a person asks of a split.</summary>
internal sealed record SplitInput(string Service, string? Candidate, double? Share, SplitMatch? Header, SplitMatch? Cookie);

/// <summary>Puts a second release beside the active one, or changes its share.</summary>
internal sealed class SplitChange(Mesh mesh)
{
    public async Task<(ServiceDocument After, string What)> ApplyAsync(ServiceDocument document, SplitInput input, CancellationToken ct)
    {
        var before = document.Split;
        var release = input.Candidate is null
            ? before?.Release ?? throw new DeliveryException(
                ExitCode.WrongInput, $"{input.Service} is not split: name the candidate by the beginning of its id; see 'deployer status {input.Service}'")
            : await CandidateAsync(document, input, input.Candidate, ct);
        if (before is not null && before.Release.Deployment != release.Deployment)
        {
            throw new DeliveryException(ExitCode.WrongInput, Already(input.Service, before));
        }

        await mesh.Store.EnsureCookieKeyAsync(ct);
        var split = new Split(release, input.Share ?? before?.Share ?? 0, input.Header ?? before?.Header, input.Cookie ?? before?.Cookie)
        {
            Routes = before?.Routes,
            Traffic = before?.Traffic,
        };
        return (document with { Split = split }, $"{Describe(split)} to {release.Version}, the others to {document.Active!.Version}");
    }

    private async Task<Release> CandidateAsync(ServiceDocument document, SplitInput input, string prefix, CancellationToken ct)
    {
        var known = await mesh.Catalog.WithContainersAsync(input.Service, ct);
        if (CandidateChoice.IsGoneOfSplit(prefix, document, known))
            return document.Split!.Release;
        var chosen = CandidateChoice.Find(input.Service, prefix, document, known);
        // It has requests already: that it is ill is no reason to leave it as many.
        if (document.Split is { } split && split.Release.Deployment == chosen[0].Instance.Deployment)
            return split.Release;
        if (chosen.FirstOrDefault(entry => !entry.Instance.IsHealthy) is { Instance: { } ill })
            throw new DeliveryException(ExitCode.Unhealthy, Ill(input.Service, ill));

        var hosts = await mesh.HostsAsync([], ct);
        return await CandidateIdentity.OfAsync(document, chosen, await CandidateIdentity.LocateAsync(chosen, hosts, ct), ct);
    }

    /// <summary>Why a manifest's A/B split cannot begin; <c>null</c> where nothing is in its way. Pure.</summary>
    public static string? Conflict(ServiceManifest manifest, ServiceDocument? before) =>
        manifest.Strategy.Ab is not null && before?.Split is { } other ? Already(manifest.Name, other) : null;

    /// <summary>Why a candidate cannot have requests, one of whose instances is ill. Pure.</summary>
    public static string Ill(string service, Instance instance) =>
        $"instance {instance.Id} of the candidate is {instance.Health}: a split would send requests to it. "
        + $"'deployer logs {service} {CandidateSpec.Short(instance.Deployment)}' shows what it prints; when 'deployer status {service}' calls it passing, run this again.";

    /// <summary>The split that a release begins with, without a share yet. What its manifest changes besides waits there for its promotion. Pure.</summary>
    public static Split Of(ServiceManifest manifest, Release release, ServiceDocument before)
    {
        var changes = DocumentChanges.Between(before, before with { Routes = manifest.Routes, Traffic = manifest.Traffic });
        return changes.Count == 0 ? new Split(release, 0) : new Split(release, 0) { Routes = manifest.Routes, Traffic = manifest.Traffic };
    }

    private static string Already(string service, Split other) =>
        $"{service} is split with {other.Release.Version} already: end that by 'deployer abort {service}' or 'deployer promote' first";

    /// <summary>Which requests are sent to the split's release.</summary>
    public static string Describe(Split split) => string.Join(
        " and ",
        new[]
        {
            string.Create(CultureInfo.InvariantCulture, $"{split.Share} % of the requests"),
            split.Header is { } header ? $"those with {header.Name}: {header.Value}" : null,
            split.Cookie is { } cookie ? $"those with the cookie {cookie.Name}={cookie.Value}" : null,
        }.OfType<string>());
}
