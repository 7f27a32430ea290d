namespace ServiceMesh.Deployer.Manifest;

/// <summary>Reads the <c>tests</c> of a manifest: one suite, or a list of suites with a name each.</summary>
internal static class TestsReader
{
    private static readonly string[] Keys = ["name", "image", "environment", "secrets", "timeout", "on", "through"];
    private static readonly Dictionary<string, TestPlace> Places = new() { ["ci"] = TestPlace.Ci, ["production"] = TestPlace.Production };
    private static readonly Dictionary<string, TestWay> Ways = new() { ["direct"] = TestWay.Direct, ["proxy"] = TestWay.Proxy };

    public static IReadOnlyList<TestPolicy> Read(Section root)
    {
        if (!root.IsList("tests"))
            return root.Child("tests", Keys) is { } only ? [Suite(only, isNamed: only.Has("name"))] : [];
        var suites = new List<TestPolicy>();
        foreach (var entry in root.Items("tests", Keys))
        {
            var suite = Suite(entry, isNamed: true);
            if (suite.Name is not null && suites.Any(other => other.Name == suite.Name))
                entry.Fault("name", $"'{suite.Name}' is already the name of a suite");
            suites.Add(suite);
        }

        return suites;
    }

    private static TestPolicy Suite(Section section, bool isNamed)
    {
        var name = isNamed ? section.Required("name", "what this suite is called, such as smoke") : null;
        if (name is not null && !ServiceName.IsValid(name))
            section.Fault("name", $"'{name}' is no name of a suite: {ServiceName.Rule}");
        var image = ImageReader.Read(section, "the image that tests the service, such as localhost:5000/demo-tests");
        var variables = section.Variables("environment");
        var policy = new TestPolicy { Name = name, Image = image ?? new ImageReference("", null), Environment = variables };
        return policy with
        {
            Timeout = section.Duration("timeout", policy.Timeout, TimeSpan.FromMilliseconds(1)),
            Secrets = SecretReader.Read(section, variables),
            On = section.OneOf("on", Places, policy.On),
            Through = section.OneOf("through", Ways, policy.Through),
        };
    }
}
