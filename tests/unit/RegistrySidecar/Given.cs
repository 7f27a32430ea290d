using Consul;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Containers and contexts, written as short as the docker command that would make them.</summary>
internal static class Given
{
    public const string Node = "h1";
    public const string Ip = "10.0.0.9";
    public const string AgentAddress = "192.168.7.7";

    public static readonly SidecarOptions WithIp = new() { Ip = Ip };

    /// <summary>As <c>--expose 1-65535</c>.</summary>
    public static string[] AllPorts => [.. Enumerable.Range(1, 65_535).Select(port => $"{port}/tcp")];

    /// <summary>A container; a published port is <c>80/tcp=8000</c>, <c>80/tcp=127.0.0.1:8000</c> or, only exposed, <c>80/tcp</c>.</summary>
    public static ContainerFacts Container(
        string image, string name, string[] ports, string[]? env = null, IReadOnlyDictionary<string, string>? labels = null)
    {
        var published = ports.Select(port => port.Split('=')).ToLookup(parts => ContainerPort.Parse(parts[0])!.Value, parts => parts.ElementAtOrDefault(1));
        return new ContainerFacts
        {
            Id = IdOf(name),
            Name = name,
            Image = image,
            ImageDigest = "sha256:1234",
            Env = env ?? [],
            Labels = labels ?? new Dictionary<string, string>(),
            Networks = new Dictionary<string, string> { ["bridge"] = "172.17.0.5" },
            ExposedPorts = [.. published.Select(port => port.Key)],
            Bindings = published.ToDictionary(
                port => port.Key, IReadOnlyList<HostBinding> (port) => [.. port.OfType<string>().Select(Binding)]),
        };
    }

    public static string IdOf(string name) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)));

    public static MappingContext Context(
        SidecarOptions? options = null, DocumentSet? documents = null, ContainerFacts[]? others = null, AgentService? registered = null, string? agent = null) => new(
        options ?? WithIp,
        Node,
        AgentAddress,
        documents ?? DocumentSet.Empty,
        idOrName => others?.FirstOrDefault(other => other.Id == idOrName || other.Name == idOrName),
        id => registered?.ID == id ? registered : null)
        {
            AgentVersion = agent is null ? null : Version.Parse(agent),
        };

    public static IReadOnlyList<AgentServiceRegistration> Registrations(ContainerFacts container, SidecarOptions? options = null) =>
        ContainerMapping.Map(container, Context(options)).Registrations;

    /// <summary>A registration in one line: id, name, address, tags without the stage, Meta without the mesh's own.</summary>
    public static string Line(AgentServiceRegistration registration) =>
        $"{registration.ID} {registration.Name} {registration.Address}:{registration.Port} "
        + $"[{string.Join(", ", registration.Tags![1..])}]"
        + string.Concat(registration.Meta!.Where(pair => !pair.Key.StartsWith("mesh-", StringComparison.Ordinal)).Select(pair => $" {pair.Key}={pair.Value}"));

    public static IEnumerable<string> Lines(ContainerFacts container, SidecarOptions? options = null) =>
        Registrations(container, options).Select(Line);

    public static ServiceDocument Document(string service, string? active, params string[] retired) => new()
    {
        Schema = ServiceDocument.CurrentSchema,
        Service = service,
        Routes = [new Route(null, "/" + service, StripPath: true)],
        Active = active is null ? null : Release(active),
        Retired = [.. retired.Select(deployment => new RetiredRelease(deployment, "v", "image@sha256:1", DateTimeOffset.UnixEpoch))],
    };

    public static DocumentSet Documents(params ServiceDocument[] documents) =>
        DocumentSet.Of(documents.Select((document, index) => new StoredDocument(document.Service, document, (ulong)index + 1, Fault: null)));

    private static Release Release(string deployment) => new(deployment, "v", "image@sha256:1", DateTimeOffset.UnixEpoch);

    private static HostBinding Binding(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon < 0 ? new HostBinding("0.0.0.0", int.Parse(text)) : new HostBinding(text[..colon], int.Parse(text[(colon + 1)..]));
    }
}
