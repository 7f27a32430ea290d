namespace ServiceMesh.Deployer.Manifest;

/// <summary>Reads a <c>service.yaml</c>. Pure: the text and the environment in, the manifest or all its errors out.</summary>
internal static class ManifestReader
{
    private static readonly string[] Keys =
        ["name", "image", "port", "routes", "replicas", "hosts", "environment", "health", "tests", "traffic", "strategy", "watch", "drain", "keep"];

    private static readonly string[] HealthKeys = ["http", "tcp", "interval", "timeout", "healthy-for", "deadline"];
    private static readonly string[] TestKeys = ["image", "environment", "timeout", "on"];
    private static readonly Dictionary<string, TestPlace> TestPlaces = new() { ["ci"] = TestPlace.Ci, ["production"] = TestPlace.Production };

    // Consul raises a shorter interval to this one in silence.
    private static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Instant = TimeSpan.FromMilliseconds(1);

    public static ManifestResult Read(string text, Func<string, string?> environment)
    {
        var errors = new List<ManifestError>();
        var manifest = YamlText.Root(text, "the manifest", Keys, errors) is { } root
            ? Manifest(new Section(root, "", Keys, environment, errors))
            : null;
        return errors.Count == 0
            ? new ManifestResult(manifest, [])
            : new ManifestResult(null, [.. errors.OrderBy(error => error.Line)]);
    }

    private static ServiceManifest? Manifest(Section root)
    {
        var name = root.Required("name", "the service's name, such as demo");
        if (name is not null && !ServiceName.IsValid(name))
            root.Fault("name", $"'{name}' is no service name: {ServiceName.Rule}");
        var image = Image(root, "the image without its tag, such as localhost:5000/demo");
        if (!root.Has("port"))
            root.Required("port", "the container port that serves the traffic, such as 8080");
        var manifest = new ServiceManifest
        {
            Name = name ?? "",
            Image = image ?? new ImageReference("", null),
            Port = root.Whole("port", 0, 1, 65535),
            Routes = RouteReader.Read(root),
            Replicas = root.Whole("replicas", 1, 1, 50),
            Hosts = root.List("hosts", text => ServiceName.IsValid(text) ? null : $"'{text}' is no host name: {ServiceName.Rule}"),
            Environment = root.Variables("environment"),
            Health = Health(root),
            Tests = Tests(root),
        };
        var drain = root.Duration("drain", manifest.Drain, TimeSpan.Zero);
        return manifest with
        {
            Drain = drain,
            Traffic = TrafficReader.Read(root, drain),
            Canary = StrategyReader.Canary(root),
            Watch = StrategyReader.Watch(root),
            Keep = root.Whole("keep", manifest.Keep, 0, ServiceDocument.RetiredLimit),
        };
    }

    private static ImageReference? Image(Section section, string what)
    {
        if (section.Required("image", what) is not { } text)
            return null;
        if (ImageReference.TryParse(text, out var image) is { } fault)
            section.Fault("image", fault);
        return image;
    }

    private static HealthPolicy Health(Section root)
    {
        var policy = new HealthPolicy();
        if (root.Child("health", HealthKeys) is not { } health)
            return policy;
        var path = health.Text("http");
        if (path is not null && !path.StartsWith('/'))
            health.Fault("http", $"'{path}' must be a path that begins with '/'");
        if (health.Flag("tcp", false) && path is not null)
            health.Fault("tcp", "choose one of http and tcp");
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

    private static TestPolicy? Tests(Section root)
    {
        if (root.Child("tests", TestKeys) is not { } tests)
            return null;
        var image = Image(tests, "the image that tests the service, such as localhost:5000/demo-tests");
        var variables = tests.Variables("environment");
        var policy = new TestPolicy { Image = image ?? new ImageReference("", null), Environment = variables };
        return policy with
        {
            Timeout = tests.Duration("timeout", policy.Timeout, Instant),
            On = tests.OneOf("on", TestPlaces, policy.On),
        };
    }
}
