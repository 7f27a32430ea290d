using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a proxy says about a service on <c>GET /services/&lt;service&gt;</c>; the fields that matter here.</summary>
/// <param name="Index">The ModifyIndex of the document that it serves by.</param>
/// <param name="Fault">Why it set a newer document aside.</param>
/// <param name="Instances">Every instance that it knows of.</param>
/// <param name="Releases">The releases in the traffic with what became of their requests.</param>
internal sealed record ProxyAnswer(
    ulong Index, string? Fault, IReadOnlyList<ProxiedInstance>? Instances, IReadOnlyList<ProxiedRelease>? Releases = null)
{
    /// <summary>What a proxy means by 404, for whoever tells that from silence.</summary>
    public static ProxyAnswer NoService { get; } = new(0, Fault: null, Instances: null);

    /// <summary>Whether it sends requests to the deployment.</summary>
    public bool Has(string deployment) => Releases?.Any(release => release.Deployment == deployment) is true;

    /// <summary>The requests in flight on what left the traffic: instances of these deployments, or these instances, by their ids.</summary>
    public int InFlight(IReadOnlySet<string> left) =>
        Instances?.Where(instance => left.Contains(instance.Deployment) || left.Contains(instance.Id)).Sum(instance => instance.InFlight) ?? 0;
}

/// <summary>An instance as a proxy tells of it.</summary>
internal sealed record ProxiedInstance(string Id, string Deployment, int InFlight);

/// <summary>A release in the traffic as a proxy tells of it.</summary>
internal sealed record ProxiedRelease(string Deployment, ProxiedCounters Counters);

/// <summary>What became of a release's requests at one proxy since it entered the traffic there.</summary>
internal sealed record ProxiedCounters(long Requests, long Errors, IReadOnlyList<ProxiedBucket> Durations);

/// <summary>How many requests took up to so long, and longer than the bucket before; <c>null</c> for beyond all bounds.</summary>
internal sealed record ProxiedBucket(double? UpToSeconds, long Count);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ProxyAnswer))]
internal sealed partial class ProxyJson : JsonSerializerContext;
