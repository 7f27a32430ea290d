using System.Net;
using Consul;

namespace ServiceMesh;

/// <summary>One published port of one running container, as the Consul catalog tells of it.</summary>
/// <param name="Id">The service id in Consul, unique on its node.</param>
/// <param name="Node">The Consul node.</param>
/// <param name="Service">The service's name.</param>
/// <param name="Address">Host name or IP address; the node's where the registration has none.</param>
/// <param name="Port">TCP port.</param>
/// <param name="Deployment">The deployment id; the service id for an instance that no sidecar registered.</param>
/// <param name="Version">The release's version name; empty if unknown.</param>
/// <param name="Health">Consul's word: <c>passing</c>, <c>warning</c>, <c>critical</c> or <c>maintenance</c>; the worst of all checks.</param>
/// <param name="Weight">Its share of the release's traffic beside the others', Consul's own weight of a service that is passing or has a warning; 1 where nothing is said.</param>
public sealed record Instance(
    string Id, string Node, string Service, string Address, int Port, string Deployment, string Version, string Health, int Weight = 1)
{
    // RFC 1035, section 2.3.4, as text.
    private const int LongestName = 253;

    /// <summary>The instance's address as a URL, <c>http://host:port</c>; IPv6 addresses are bracketed.</summary>
    public string Url => Address.Contains(':', StringComparison.Ordinal) ? $"http://[{Address}]:{Port}" : $"http://{Address}:{Port}";

    /// <summary>
    /// Why no request can be sent to it, with what to do; <c>null</c> if its address is sound. Consul takes any number for a
    /// port and any text for an address.
    /// </summary>
    public string? Fault =>
        Port is < IPEndPoint.MinPort + 1 or > IPEndPoint.MaxPort ? $"port {Port} is no TCP port: register 1 to {IPEndPoint.MaxPort}"
        : Address.Length > LongestName || Uri.CheckHostName(Address) == UriHostNameType.Unknown || !Uri.TryCreate(Url, UriKind.Absolute, out _)
            ? $"address '{Address}' is neither a host name nor an IP address: register one"
        : null;

    /// <summary>Whether Consul's checks allow traffic to it: a warning does, critical and maintenance do not.</summary>
    public bool IsHealthy => Health is "passing" or "warning";

    /// <summary>Reads one entry of a health query.</summary>
    public static Instance From(ServiceEntry entry)
    {
        var meta = entry.Service.Meta;
        var health = entry.Checks.AggregatedStatus().Status;
        var weight = health == "warning" ? entry.Service.Weights?.Warning : entry.Service.Weights?.Passing;
        return new Instance(
            entry.Service.ID,
            entry.Node.Name,
            entry.Service.Service,
            string.IsNullOrEmpty(entry.Service.Address) ? entry.Node.Address : entry.Service.Address,
            entry.Service.Port,
            meta.TryGetValue(InstanceMeta.Deployment, out var deployment) ? deployment : entry.Service.ID,
            meta.TryGetValue(InstanceMeta.Version, out var version) ? version : "",
            health,
            Math.Max(1, weight ?? 1));
    }
}
