using Docker.DotNet.Models;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>What Docker's list, which is cheap, tells of a container.</summary>
internal static class ListedContainer
{
    /// <summary>Whether the container is listed as it is known. Changed and changed back between a list and an inspection, it is known otherwise.</summary>
    public static bool Shows(ContainerListResponse container, ContainerFacts known) =>
        container.Names?.Contains("/" + known.Name) is not false
        && known.IsPaused == (container.State == "paused")
        && (known.IsPaused || HealthIn(container.Status ?? "") == Listed(known.Health));

    /// <summary>What else can change of a container while it exists, as far as the list tells it.</summary>
    public static string Fingerprint(ContainerListResponse container) => string.Join(
        '|',
        (IEnumerable<string>)
        [
            container.State,
            .. (container.Names ?? []).Order(StringComparer.Ordinal),
            .. (container.Ports ?? [])
                .Select(port => $"{port.IP}:{port.PublicPort}:{port.PrivatePort}/{port.Type}").Order(StringComparer.Ordinal),
            .. (container.NetworkSettings?.Networks ?? new Dictionary<string, EndpointSettings>())
                .Select(network => $"{network.Key}={network.Value?.IPAddress},{network.Value?.GlobalIPv6Address}").Order(StringComparer.Ordinal),
        ]);

    /// <summary>The list tells the state of a HEALTHCHECK only within <c>Up 5 minutes (healthy)</c>.</summary>
    private static string HealthIn(string status) =>
        status.EndsWith(')') && status.LastIndexOf('(') is >= 0 and var open ? status[open..] : "";

    private static string Listed(ContainerHealth? health) => health?.State switch
    {
        null => "",
        HealthState.Starting => "(health: starting)",
        HealthState.Healthy => "(healthy)",
        _ => "(unhealthy)",
    };
}
