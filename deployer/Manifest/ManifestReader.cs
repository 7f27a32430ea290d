using ServiceMesh.Policy;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>Reads a <c>service.yaml</c>. Pure: the text and the environment in, the manifest or all its errors out.</summary>
internal static class ManifestReader
{
    private static readonly string[] Keys =
        ["name", "image", "port", "routes", "replicas", "hosts", "environment", "secrets", "resources", "health", "tests", "traffic", "strategy", "watch", "drain", "keep", "warm"];

    private static readonly string[] HealthKeys = ["http", "tcp", "interval", "timeout", "healthy-for", "deadline"];
    private static readonly string[] ResourceKeys = ["cpus", "memory"];

    // Consul raises a shorter interval to this one in silence.
    private static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(1);
    private const long LeastMemory = 6 * 1024 * 1024;

    private static readonly TimeSpan Instant = TimeSpan.FromMilliseconds(1);

    /// <param name="text">YAML.</param>
    /// <param name="environment">Fills <c>${NAME}</c>.</param>
    /// <param name="hostFault">Says what is wrong with the name of a host; without it any may be named.</param>
    public static ManifestResult Read(string text, Func<string, string?> environment, Func<string, string?>? hostFault = null)
    {
        var errors = new List<ManifestError>();
        var manifest = YamlText.Root(text, "the manifest", Keys, errors) is { } root
            ? Manifest(new Section(root, "", Keys, environment, errors), hostFault)
            : null;
        return errors.Count == 0
            ? new ManifestResult(manifest, [])
            : new ManifestResult(null, [.. errors.OrderBy(error => error.Line)]);
    }

    private static ServiceManifest? Manifest(Section root, Func<string, string?>? hostFault)
    {
        var name = root.Required("name", "the service's name, such as demo");
        if (name is not null && !ServiceName.IsValid(name))
            root.Fault("name", $"'{name}' is no service name: {ServiceName.Rule}");
        var image = ImageReader.Read(root, "the image without its tag, such as localhost:5000/demo");
        if (!root.Has("port"))
            root.Required("port", "the container port that serves the traffic, such as 8080");
        var manifest = new ServiceManifest
        {
            Name = name ?? "",
            Image = image ?? new ImageReference("", null),
            Port = root.Whole("port", 0, 1, 65535),
            Routes = RouteReader.Read(root),
            Replicas = root.Whole("replicas", 1, 1, ServiceManifest.MostReplicas),
            Hosts = root.List("hosts", text => !ServiceName.IsValid(text) ? $"'{text}' is no host name: {ServiceName.Rule}" : hostFault?.Invoke(text!)),
            Environment = root.Variables("environment"),
            Health = Health(root),
            Tests = TestsReader.Read(root),
            Resources = Resources(root),
        };
        var drain = root.Duration("drain", manifest.Drain, TimeSpan.Zero);
        var keep = root.Whole("keep", manifest.Keep, 0, ServiceDocument.RetiredLimit);
        return manifest with
        {
            Drain = drain,
            Traffic = TrafficReader.Read(root, drain),
            Strategy = StrategyReader.Read(root),
            Watch = StrategyReader.Watch(root),
            Secrets = SecretReader.Read(root, manifest.Environment),
            Keep = keep,
            Warm = root.Whole("warm", manifest.Warm, 0, keep),
        };
    }

    private static HealthPolicy Health(Section root)
    {
        var policy = new HealthPolicy();
        if (root.Child("health", HealthKeys) is not { } health)
            return policy;
        var path = health.Text("http");
        if (path is not null && !ProbePolicy.IsPath(path))
            health.Fault("http", $"'{path}' must be a path that begins with '/', such as /health");
        if (health.Flag("tcp", path is null) == (path is not null))
            health.Fault("tcp", path is null ? "give http where a connection is not enough, such as http: /health" : "choose one of http and tcp");
        policy = new HealthPolicy
        {
            HttpPath = path,
            Interval = health.Duration("interval", policy.Interval, LeastInterval),
            Timeout = health.Duration("timeout", policy.Timeout, Instant),
            HealthyFor = health.Duration("healthy-for", policy.HealthyFor, TimeSpan.Zero),
            Deadline = health.Duration("deadline", policy.Deadline, Instant),
        };
        if (policy.Deadline <= policy.HealthyFor)
        {
            health.Fault(
                "deadline",
                $"{DurationText.Write(policy.Deadline)} must be longer than healthy-for, which is {DurationText.Write(policy.HealthyFor)}");
        }

        return policy;
    }

    private static ResourceLimits Resources(Section root)
    {
        if (root.Child("resources", ResourceKeys) is not { } resources)
            return new ResourceLimits();
        var memory = resources.Bytes("memory");
        if (memory < LeastMemory)
            resources.Fault("memory", "must be at least 6M, which is Docker's own limit");
        return new ResourceLimits
        {
            // Docker tells itself what is more than its host has.
            Cpus = resources.Has("cpus") ? resources.Number("cpus", 0, 0.01, 1024) : null,
            Memory = memory,
        };
    }
}
