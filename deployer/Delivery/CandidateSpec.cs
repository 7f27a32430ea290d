using System.Text.RegularExpressions;
using Docker.DotNet.Models;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What Docker is asked to make for a release. Pure.</summary>
internal static partial class CandidateSpec
{
    public const int ShortId = 8;

    public static string Short(string deployment) => deployment.Length > ShortId ? deployment[..ShortId] : deployment;

    public static CreateContainerParameters Of(
        ServiceManifest manifest, IReadOnlyDictionary<string, string> secrets, Release release, int number, string environment, string publish) => new()
        {
            Name = Name(manifest.Name, release, $"{number}"),
            Image = release.Image,
            Env = Variables(manifest.Environment.Concat(secrets)),
            Labels = WithSecrets(Labels(manifest, release, environment), secrets),
            ExposedPorts = new Dictionary<string, EmptyStruct> { [$"{manifest.Port}/tcp"] = default },
            HostConfig = new HostConfig
            {
                NanoCPUs = (long)((manifest.Resources.Cpus ?? 0) * 1_000_000_000),
                Memory = manifest.Resources.Memory ?? 0,
                RestartPolicy = new RestartPolicy { Name = RestartPolicyKind.UnlessStopped },
                // Docker chooses the host port, so that candidate and active can run side by side.
                PortBindings = new Dictionary<string, IList<PortBinding>>
                {
                    [$"{manifest.Port}/tcp"] = [new PortBinding { HostIP = publish, HostPort = "" }],
                },
            },
        };

    /// <summary>One more container of a release, like one that there is.</summary>
    public static CreateContainerParameters Like(
        ContainerInspectResponse pattern, string service, Release release, int number, string environment, string publish)
    {
        var (config, hostConfig) = (pattern.Config ?? new ContainerConfig(), pattern.HostConfig ?? new HostConfig());
        // What the host gave to that one is its own.
        hostConfig.PortBindings = (hostConfig.PortBindings ?? new Dictionary<string, IList<PortBinding>>())
            .ToDictionary(port => port.Key, _ => (IList<PortBinding>)[new PortBinding { HostIP = publish, HostPort = "" }]);
        var labels = new Dictionary<string, string>(config.Labels ?? new Dictionary<string, string>());
        foreach (var (label, value) in Identity(service, release, environment))
            labels[label] = value;
        return new CreateContainerParameters(config)
        {
            Name = Name(service, release, $"{number}"),
            Hostname = "",
            Image = release.Image,
            Labels = labels,
            HostConfig = hostConfig,
        };
    }

    public static CreateContainerParameters OfTests(
        ServiceManifest manifest,
        TestPolicy tests,
        IReadOnlyDictionary<string, string> secrets,
        string image,
        Release release,
        TestTarget target,
        string environment)
    {
        var variables = new Dictionary<string, string>(tests.Environment.Concat(secrets))
        {
            ["URL"] = target.Url,
            ["EXPECTED_VERSION"] = release.Version,
        };
        if (target.Pass is not null)
            variables["MESH_CANDIDATE"] = target.Pass;
        if (target.Host is not null)
            variables["MESH_CANDIDATE_HOST"] = target.Host;
        var labels = Identity(manifest.Name, release, environment);
        labels[ContainerLabel.Tests] = "true";
        // For the sidecar: nothing that tests may open is an instance of the service.
        labels["SERVICE_IGNORE"] = "true";
        return new CreateContainerParameters
        {
            Name = Name(manifest.Name, release, tests.Name is null ? "tests" : $"tests-{tests.Name}"),
            Image = image,
            Env = Variables(variables),
            Labels = WithSecrets(labels, secrets),
        };
    }

    // By name only: whoever prints this container's output later masks what the container has under these names.
    private static Dictionary<string, string> WithSecrets(Dictionary<string, string> labels, IReadOnlyDictionary<string, string> secrets)
    {
        if (secrets.Count > 0)
            labels[ContainerLabel.Secrets] = string.Join(',', secrets.Keys.Order(StringComparer.Ordinal));
        return labels;
    }

    private static Dictionary<string, string> Labels(ServiceManifest manifest, Release release, string environment)
    {
        var labels = Identity(manifest.Name, release, environment);
        // For this port alone, so that it beats whatever the image itself says about the service.
        var prefix = $"SERVICE_{manifest.Port}_";
        labels[prefix + "NAME"] = manifest.Name;
        if (manifest.Health.HttpPath is { } path)
            labels[prefix + "CHECK_HTTP"] = path;
        else
            labels[prefix + "CHECK_TCP"] = "true";
        labels[prefix + "CHECK_INTERVAL"] = DurationText.Write(manifest.Health.Interval);
        labels[prefix + "CHECK_TIMEOUT"] = DurationText.Write(manifest.Health.Timeout);
        return labels;
    }

    private static Dictionary<string, string> Identity(string service, Release release, string environment) => new()
    {
        [ContainerLabel.Environment] = environment,
        [ContainerLabel.Service] = service,
        [ContainerLabel.Deployment] = release.Deployment,
        [ContainerLabel.Version] = release.Version,
    };

    // The version of a container that was started by hand may be whatever its label says.
    private static string Name(string service, Release release, string role) =>
        $"{service}-{NoNamePart().Replace(release.Version, "-")}-{Short(release.Deployment)}-{role}";

    private static List<string> Variables(IEnumerable<KeyValuePair<string, string>> variables) =>
        [.. variables.Select(variable => $"{variable.Key}={variable.Value}")];

    [GeneratedRegex("[^A-Za-z0-9_.-]", RegexOptions.CultureInvariant)]
    private static partial Regex NoNamePart();
}
