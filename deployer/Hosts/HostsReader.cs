using System.Net;
using ServiceMesh.Deployer.Manifest;
using YamlDotNet.RepresentationModel;

namespace ServiceMesh.Deployer.Hosts;

/// <summary>
/// Reads the file that names a mesh's Docker hosts. Pure: the text and the environment in, the hosts or all errors out.
/// </summary>
internal static class HostsReader
{
    private static readonly string[] Keys = ["hosts", "tests"];
    private static readonly string[] HostKeys = ["docker", "publish", "certificates"];
    private static readonly string[] TestsKeys = ["docker", "certificates"];

    /// <param name="text">YAML.</param>
    /// <param name="publish">The address on which ports are published where a host says nothing.</param>
    /// <param name="environment">Fills <c>${NAME}</c>.</param>
    public static (HostList? Hosts, IReadOnlyList<ManifestError> Errors) Read(string text, string publish, Func<string, string?> environment)
    {
        var errors = new List<ManifestError>();
        if (YamlText.Root(text, "the file of hosts", Keys, errors) is not { } mapping)
            return (null, errors);
        var root = new Section(mapping, "", Keys, environment, errors);
        var names = Names(root, mapping);
        var hosts = root.Child("hosts", names) is { } section
            ? names.Select(name => Host(section, name, publish)).OfType<DockerHost>().ToArray()
            : [];
        var tests = root.Child("tests", TestsKeys) is { } local
            ? new DockerHost("the tests' host", Address(local, required: true), publish, local.Text("certificates"))
            : new DockerHost("the tests' host", Address: null, publish);
        return errors.Count == 0 ? (new HostList(hosts, tests), []) : (null, [.. errors.OrderBy(error => error.Line)]);
    }

    private static string[] Names(Section root, YamlMappingNode mapping)
    {
        if (!root.Has("hosts"))
        {
            root.Required("hosts", "a mapping of names to hosts, such as prod: {docker: tcp://prod:2376}");
            return [];
        }

        if (mapping.Children.FirstOrDefault(pair => pair.Key is YamlScalarNode { Value: "hosts" }).Value is not YamlMappingNode { Children.Count: > 0 } hosts)
        {
            root.Fault("hosts", "must be a mapping of names to hosts with one at least, such as prod: {docker: tcp://prod:2376}");
            return [];
        }

        return [.. hosts.Children.Keys.OfType<YamlScalarNode>().Select(name => name.Value ?? "")];
    }

    private static DockerHost? Host(Section hosts, string name, string publish)
    {
        if (!ServiceName.IsValid(name))
            hosts.Fault(name, $"'{name}' is no host name: {ServiceName.Rule}");
        if (hosts.Child(name, HostKeys) is not { } host)
            return null;
        var address = host.Text("publish") ?? publish;
        if (!IPAddress.TryParse(address, out _))
            host.Fault("publish", $"'{address}' is no IP address; it takes one of the host's, such as 10.0.0.9");
        return new DockerHost(name, Address(host, required: true), address, host.Text("certificates"));
    }

    private static Uri? Address(Section section, bool required)
    {
        var text = required ? section.Required("docker", $"where its Docker Engine is: {HostAddress.Forms}") : section.Text("docker");
        if (text is null)
            return null;
        if (HostAddress.TryParse(text, out var address) is { } fault)
            section.Fault("docker", fault);
        return address;
    }
}
