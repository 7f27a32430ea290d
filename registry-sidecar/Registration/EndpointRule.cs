using System.Net;
using System.Net.Sockets;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>One port of a container, and where others reach it.</summary>
/// <param name="Port">The container's port.</param>
/// <param name="Address">Where it is reached.</param>
/// <param name="PublishedPort">The port there; the container's own where none is published.</param>
/// <param name="IsPublished">Whether it is reached through a port that the host publishes.</param>
/// <param name="IsElsewhere">Whether its address is one that a label says, and not this host's or the container's own.</param>
internal sealed record Endpoint(ContainerPort Port, string Address, int PublishedPort, bool IsPublished = false, bool IsElsewhere = false);

/// <summary>Where the ports of a container are reached from outside.</summary>
internal static class EndpointRule
{
    /// <summary>The label by which a container chooses the network that <c>--internal</c> takes.</summary>
    public const string NetworkLabel = "mesh.network";

    /// <summary>The container's endpoints by port; a port that nobody can reach goes to <paramref name="leftOut"/>, what is taken instead of what was asked for to <paramref name="warnings"/>.</summary>
    public static IReadOnlyList<Endpoint> Of(ContainerFacts container, MappingContext context, List<string> leftOut, List<string> warnings)
    {
        var ports = container.ExposedPorts.Concat(container.Bindings.Keys).Distinct()
            .OrderBy(port => port.Number).ThenBy(port => !port.IsTcp).ThenBy(port => port.Protocol, StringComparer.Ordinal)
            .ToList();
        if (ports.Count == 0)
        {
            leftOut.Add("it neither exposes nor publishes a port");
            return [];
        }

        if (container.UsesHostNetwork)
            return AsTheyAre(ports, context.PublishedAddress);
        if (container.NetworkOwner is { } owner)
            return OfOwner(owner, ports, context, leftOut);
        return context.Options.Internal ? Internal(container, ports, context, leftOut, warnings) : Published(container, ports, context, leftOut);
    }

    private static List<Endpoint> AsTheyAre(IEnumerable<ContainerPort> ports, string address) =>
        [.. ports.Select(port => new Endpoint(port, address, port.Number))];

    private static List<Endpoint> OfOwner(string owner, List<ContainerPort> ports, MappingContext context, List<string> leftOut)
    {
        var container = context.FindContainer(owner);
        var address = container is null ? null
            : container.UsesHostNetwork ? context.PublishedAddress
            : NetworkAddress(container, context);
        if (address is not null)
            return AsTheyAre(ports, address);
        leftOut.Add($"it shares the network of container '{owner}', which is not running or has no address");
        return [];
    }

    private static List<Endpoint> Internal(
        ContainerFacts container, List<ContainerPort> ports, MappingContext context, List<string> leftOut, List<string> warnings)
    {
        if (NetworkAddress(container, context) is { } address)
        {
            if (context.Options.Network is { } option && ChosenNetwork(container, context) is null)
                warnings.Add($"it is not in the network '{option}' (--network); its address in the first of its own is taken, {address}");
            return AsTheyAre(ports, address);
        }

        leftOut.Add(ChosenNetwork(container, context) is { } network
            ? $"it has no address in the network '{network}'"
            : "it has no address in any network");
        return [];
    }

    private static List<Endpoint> Published(
        ContainerFacts container, List<ContainerPort> ports, MappingContext context, List<string> leftOut)
    {
        var endpoints = new List<Endpoint>();
        var unpublished = new List<ContainerPort>();
        foreach (var port in ports)
        {
            if (BindingOf(port, container) is not { } binding)
                unpublished.Add(port);
            else
                endpoints.Add(new Endpoint(port, context.Options.Ip ?? Specific(binding.Address) ?? context.HostAddress, binding.Port, IsPublished: true));
        }

        if (unpublished.Count > 0)
            leftOut.Add(PortSentence.Of(unpublished, "not published on the host"));
        return endpoints;
    }

    /// <summary>Where a port is published: for IPv4 and for IPv6 it is one service.</summary>
    public static HostBinding? BindingOf(ContainerPort port, ContainerFacts container) =>
        (container.Bindings.GetValueOrDefault(port) ?? []).OrderBy(IsIpv6).FirstOrDefault();

    // At random would be wrong half of the time: the label, else the option, else the first network by name.
    private static string? NetworkAddress(ContainerFacts container, MappingContext context) =>
        ChosenNetwork(container, context) is { } network
            ? container.Networks.GetValueOrDefault(network)
            : container.Networks.OrderBy(candidate => candidate.Key, StringComparer.Ordinal).FirstOrDefault().Value;

    private static string? ChosenNetwork(ContainerFacts container, MappingContext context) =>
        container.Labels.GetValueOrDefault(NetworkLabel) is { Length: > 0 } label ? label
        : context.Options.Network is { } option && container.Networks.ContainsKey(option) ? option
        : null;

    private static bool IsIpv6(HostBinding binding) =>
        IPAddress.TryParse(binding.Address, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;

    private static string? Specific(string address) =>
        address.Length > 0 && !(IPAddress.TryParse(address, out var parsed) && HostAddress.IsAny(parsed)) ? address : null;
}
