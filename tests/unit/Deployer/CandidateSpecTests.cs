using Docker.DotNet.Models;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class CandidateSpecTests
{
    private static readonly Release Release = new("k3vabcdefghijklmnopqrstuv2", "v2", "localhost:5000/demo@sha256:ab", DateTimeOffset.UnixEpoch);

    private static readonly Dictionary<string, string> NoSecrets = [];

    private static readonly ServiceManifest Manifest = new()
    {
        Name = "demo",
        Image = new ImageReference("localhost:5000/demo", null),
        Port = 8080,
        Routes = [],
        Environment = new Dictionary<string, string> { ["A"] = "1" },
        Health = new HealthPolicy { HttpPath = "/health", Interval = TimeSpan.FromSeconds(2), Timeout = TimeSpan.FromMilliseconds(500) },
    };

    [Fact]
    public void Of_AManifest_IsTheContainerThatTheSidecarUnderstands()
    {
        var container = CandidateSpec.Of(Manifest, NoSecrets, Release, 2, "blue", "10.0.0.9");

        Assert.Equal("demo-v2-k3vabcde-2", container.Name);
        Assert.Equal("localhost:5000/demo@sha256:ab", container.Image);
        Assert.Equal(["A=1"], container.Env);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["mesh.environment"] = "blue",
                ["mesh.service"] = "demo",
                ["mesh.deployment"] = "k3vabcdefghijklmnopqrstuv2",
                ["mesh.version"] = "v2",
                ["SERVICE_8080_NAME"] = "demo",
                ["SERVICE_8080_CHECK_HTTP"] = "/health",
                ["SERVICE_8080_CHECK_INTERVAL"] = "2s",
                ["SERVICE_8080_CHECK_TIMEOUT"] = "500ms",
            },
            container.Labels);
        Assert.Equal(RestartPolicyKind.UnlessStopped, container.HostConfig!.RestartPolicy.Name);
        var (port, bindings) = Assert.Single(container.HostConfig.PortBindings);
        Assert.Equal("8080/tcp", port);
        Assert.Equal(("10.0.0.9", ""), (Assert.Single(bindings).HostIP, bindings[0].HostPort));
    }

    [Fact]
    public void Of_SecretsAndResources_AreTheContainersOwn()
    {
        var manifest = Manifest with { Resources = new ResourceLimits { Cpus = 0.25, Memory = 64 << 20 } };

        var container = CandidateSpec.Of(manifest, new Dictionary<string, string> { ["DB_PASSWORD"] = "a=b", ["API_KEY"] = "c" }, Release, 1, "blue", "10.0.0.9");

        Assert.Equal(["A=1", "DB_PASSWORD=a=b", "API_KEY=c"], container.Env);
        Assert.Equal("API_KEY,DB_PASSWORD", container.Labels["mesh.secrets"]);
        Assert.Equal((250_000_000, 64 << 20), (container.HostConfig!.NanoCPUs, container.HostConfig.Memory));
    }

    [Fact]
    public void Of_NoHttpCheck_ConnectsOnly()
    {
        var labels = CandidateSpec.Of(Manifest with { Health = new HealthPolicy() }, NoSecrets, Release, 1, "blue", "10.0.0.9").Labels;

        Assert.Equal("true", labels["SERVICE_8080_CHECK_TCP"]);
        Assert.DoesNotContain("SERVICE_8080_CHECK_HTTP", labels.Keys);
    }

    [Fact]
    public void OfTests_TheManifestsVariables_CannotHideTheCandidate()
    {
        var tests = new TestPolicy
        {
            Image = new ImageReference("t", null),
            Environment = new Dictionary<string, string> { ["URL"] = "http://elsewhere", ["MESH_CANDIDATE"] = "mine", ["MESH_CANDIDATE_HOST"] = "mine.example", ["USERS"] = "5" },
        };

        var container = CandidateSpec.OfTests(Manifest, tests, new Dictionary<string, string> { ["TOKEN"] = "secret", ["EXPECTED_VERSION"] = "other" }, "t@sha256:cd", Release, new TestTarget("http://10.0.0.9:32768", "pass", "shop.example"), "blue");

        Assert.Equal(["EXPECTED_VERSION=v2", "MESH_CANDIDATE=pass", "MESH_CANDIDATE_HOST=shop.example", "TOKEN=secret", "URL=http://10.0.0.9:32768", "USERS=5"], container.Env.Order(StringComparer.Ordinal));
        Assert.Equal("EXPECTED_VERSION,TOKEN", container.Labels["mesh.secrets"]);
        Assert.Equal("t@sha256:cd", container.Image);
        Assert.Equal(("true", "true"), (container.Labels["SERVICE_IGNORE"], container.Labels["mesh.tests"]));
        Assert.Equal(Release.Deployment, container.Labels["mesh.deployment"]);
        Assert.Null(container.HostConfig);
    }

    [Theory]
    [InlineData("8080/tcp|9090/tcp", null)]
    [InlineData("80/tcp|8080/udp", "image demo:v2 does not expose port 8080, only 80/tcp, 8080/udp: change the manifest's port or the image")]
    [InlineData("", "image demo:v2 exposes no port, but the manifest's port is 8080: add EXPOSE 8080 to its Dockerfile")]
    public void Fault_ExposedPorts_NamesWhatThereIs(string ports, string? sentence) =>
        Assert.Equal(sentence, ExposedPorts.Fault("demo:v2", 8080, ports.Split('|', StringSplitOptions.RemoveEmptyEntries)));
}
