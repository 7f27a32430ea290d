using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

// What is wrong with a manifest, told by line.
public sealed partial class ManifestReaderTests
{
    [Fact]
    public void Read_FaultySecretsResourcesAndSuites_AreNamedByTheirLines() => AssertErrors(
        """
        name: demo
        image: demo:v1
        port: 80
        routes: [{path: /}]
        environment: {A: "1"}
        secrets:
          B: {env: X, file: y}
          A:
          C: {env: ""}
          D: secret
          "E,F":
        resources: {cpus: 0, memory: 1M}
        tests:
          - {image: demo-smoke}
          - {name: load, image: demo-load}
          - {name: load, image: demo-load}
        """,
        "7: secrets.B.env: choose one of env and file; without both it is the environment variable of the same name",
        "8: secrets: 'A' is in environment too: which of both?",
        "9: secrets.C.env: is empty: the environment variable of the CI host",
        "10: secrets.D must be a mapping of env, file",
        "11: secrets: 'E,F' has a comma, which no name of a secret may have",
        "12: resources.memory: must be at least 6M, which is Docker's own limit",
        "12: resources.cpus: '0' must be a number from 0.01 to 1024",
        "14: tests[0].name is missing: what this suite is called, such as smoke",
        "16: tests[2].name: 'load' is already the name of a suite");

    // Where they are not known any may be named.
    [Fact]
    public void Read_HostsThatThereAreNot_AreAllNamedByTheirLines()
    {
        const string manifest = """
            name: demo
            image: demo:v1
            port: 80
            routes: [{path: /}]
            hosts:
              - prod
              - prodd
              - elsewhere
            keep: many
            """;

        Assert.Equal(
            ["7: hosts[1]: no prodd", "8: hosts[2]: no elsewhere", "9: keep: 'many' must be a whole number from 0 to 10"],
            ManifestReader.Read(manifest, _ => null, host => host == "prod" ? null : $"no {host}").Errors.Select(error => $"{error.Line}: {error.Message}"));
        Assert.Single(ManifestReader.Read(manifest, _ => null).Errors);
    }

    [Fact]
    public void Read_Secrets_AreKnownByTheirLines()
    {
        var manifest = ManifestReader.Read(
            """
            name: demo
            image: demo:v1
            port: 80
            routes: [{path: /}]
            secrets:
              A:
              B: {env: X}
              C:
                file: y
            tests: {image: demo-tests, secrets: {D: }}
            """,
            _ => null).Manifest!;

        Assert.Equal(["A 6", "B 7", "C 8", "D 10"], manifest.AllSecrets.Select(secret => $"{secret.Name} {secret.Line}"));
    }

    [Fact]
    public void Read_NeitherAConnectionNorAPathIsEnough_IsAFault() => AssertErrors(
        """
        name: demo
        image: demo:v1
        port: 80
        routes: [{path: /}]
        health:
          tcp: false
        """,
        "6: health.tcp: give http where a connection is not enough, such as http: /health");

    [Fact]
    public void Read_FaultsOfTheDocumentsOwnRules_AreNamedByTheirLines() => AssertErrors(
        """
        name: demo
        image: demo:v1
        port: 80
        routes: [{path: /}]
        drain: 2h
        traffic:
          retries: {attempts: 2}
          probe:
            interval: 1ms
            path: health
          passive:
            window: 1s
            error-share: 0%
          slow-start: 2h
        strategy:
          ab:
            share: 10%
            header:
              name: X Beta
              value: ä
        """,
        "5: drain: 2h must be 0s to 1h",
        "9: traffic.probe.interval: 1ms must be 1s to 10m",
        "10: traffic.probe.path: 'health' must be a path that begins with '/', such as /health",
        "13: traffic.passive.error-share: 0 must be 0.001 to 1",
        "14: traffic.slow-start: 2h must be 0s to 1h",
        "19: strategy.ab.header.name: 'X Beta' must be a token: letters, digits and !#$%&'*+-.^_`|~",
        "20: strategy.ab.header.value: 'ä' must be visible ASCII characters and spaces");

    [Fact]
    public void Read_KeysThatAreGivenAgain_AreToldWithAllElse() => AssertErrors(
        """
        name: demo
        image: demo
        port: 80
        routes:
          - path: /a
            path: /b
          - path: /c
        image: {of: [another, {kind: x}]}
        colour: red
        environment: {A: "1", B: "2", A: "3"}
        """,
        "6: 'path' is on line 5 already: which of both?",
        "8: 'image' is on line 2 already: which of both?",
        "9: unknown key 'colour'; known here: name, image, port, routes, replicas, hosts, environment, secrets, resources, health, tests, traffic, strategy, watch, drain, keep, warm",
        "10: 'A' is on line 10 already: which of both?");

    [Fact]
    public void Read_NothingRequired_NamesAllThatIsMissing() => AssertErrors(
        "replicas: 1",
        "1: name is missing: the service's name, such as demo",
        "1: image is missing: the image without its tag, such as localhost:5000/demo",
        "1: port is missing: the container port that serves the traffic, such as 8080",
        "1: routes is missing: the ways that lead to the service, such as '- path: /demo'");

    [Fact]
    public void Read_ManyFaults_ListsAllOfThemByLine() => AssertErrors(
        """
        name: Demo_Service
        image: localhost:5000/Demo
        port: 99999
        route:
          - path: /x
        routes:
          - path: demo
            stripe: true
          - strip: yes
        replicas: none
        environment: Production
        health:
          http: health
          tcp: true
          interval: 500ms
          timeout: soon
          healthy-for: 10s
          deadline: 5s
        tests:
          image: localhost:5000/demo-tests@sha256:00
          timeout: 0s
        colour: red
        keep: 11
        """,
        "1: name: 'Demo_Service' is no service name: 1 to 63 of a-z, 0-9 and '-', neither first nor last a '-' (one DNS label, RFC 1123)",
        "2: image: 'localhost:5000/Demo' is no image name; it looks like registry:5000/folder/name:tag, in lower case",
        "3: port: '99999' must be a whole number from 1 to 65535",
        "4: unknown key 'route'; did you mean 'routes'?",
        "7: routes[0].path: route path 'demo' must begin with '/'",
        "8: unknown key 'routes[0].stripe'; did you mean 'strip'?",
        "9: routes[1].strip: 'yes' must be true or false",
        "9: routes[1].path: a route needs a path, a host, or both",
        "10: replicas: 'none' must be a whole number from 1 to 50",
        "11: environment: must be a mapping of names to values",
        "13: health.http: 'health' must be a path that begins with '/', such as /health",
        "14: health.tcp: choose one of http and tcp",
        "15: health.interval: '500ms' must be at least 1s",
        "16: health.timeout: 'soon' must be a duration such as 500ms, 1s or 1m30s",
        "18: health.deadline: 5s must be longer than healthy-for, which is 10s",
        "20: tests.image: 'localhost:5000/demo-tests@sha256:00' names a digest; name the image by its tag, the deployer finds and keeps the digest itself",
        "21: tests.timeout: '0s' must be at least 1ms",
        "22: unknown key 'colour'; known here: name, image, port, routes, replicas, hosts, environment, secrets, resources, health, tests, traffic, strategy, watch, drain, keep, warm",
        "23: keep: '11' must be a whole number from 0 to 10");

    [Theory]
    [InlineData("- a\n- b", "1: the manifest must be one mapping of name, image, port, routes, replicas, hosts, environment, secrets, resources, health, tests, traffic, strategy, watch, drain, keep, warm")]
    [InlineData("", "1: the manifest must be one mapping of name, image, port, routes, replicas, hosts, environment, secrets, resources, health, tests, traffic, strategy, watch, drain, keep, warm")]
    public void Read_NoMapping_SaysWhatAManifestIs(string text, string error) => AssertErrors(text, error);

    [Theory]
    [InlineData("name: [demo", 1)]
    [InlineData("name: demo\n\n\timage: demo", 1, " (noticed on line 3)")]
    [InlineData("name: 'demo\nport: 1\n", 1, " (noticed on line 2)")]
    [InlineData("name: demo\nport: 1\n? [image\nkeep: 1", 2)]
    [InlineData("name: demo\nname: demo\nport: }", 3)]
    [InlineData("name: demo\n  port: 1", 2)]
    [InlineData("name: x\n? [image]\n: 1", 2, ": a key must be a single word")]
    [InlineData("name: x\n? &a [*a]\n: 1", 2, ": a key must be a single word")]
    [InlineData("a: &a [&b [*a]]\n*b : 1", 2, ": a key must be a single word")]
    public void Read_NotYaml_NamesTheLine(string text, int line, string end = "")
    {
        var result = ManifestReader.Read(text, _ => null);

        Assert.Null(result.Manifest);
        var error = result.Errors[^1];
        Assert.Equal(line, error.Line);
        Assert.StartsWith("not YAML: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(end, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Read_AManifestOfNestsWithinNests_IsRefusedAndNoCrash(string nest)
    {
        var result = ManifestReader.Read($"name: demo\nport:\n  {string.Concat(Enumerable.Repeat(nest, 200_000))}", _ => null);

        Assert.EndsWith("more than 32 mappings and lists within each other", Assert.Single(result.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_UnsetVariables_NamesEachOfThem() => AssertErrors(
        """
        name: demo
        image: ${REGISTRY}/demo:v1
        port: 80
        routes: [{path: /demo}]
        environment:
          PASSWORD: ${DB_PASSWORD}
        """,
        "2: image: the environment variable REGISTRY is not set; set it, or write ${REGISTRY:-default}",
        "6: environment.PASSWORD: the environment variable DB_PASSWORD is not set; set it, or write ${DB_PASSWORD:-default}");

    [Fact]
    public void Read_RouteTwiceAndReserved_NamesBoth() => AssertErrors(
        """
        name: demo
        image: demo
        port: 80
        routes:
          - path: /demo
          - path: /demo
          - path: /services/x
        """,
        "6: routes[1].path: '/demo' is already a route of this service",
        "7: routes[2].path: route path '/services/x' is taken: the proxy answers /services itself");

    [Fact]
    public void Read_NoRoutesBadHostAndEndlessWaits_AreNamedWhereTheyStand()
    {
        AssertErrors(
            "{name: demo, image: demo, port: 80, routes: []}",
            "1: routes: must be a list with at least one entry, each beginning with '- '");
        AssertErrors(
            """
            name: demo
            image: demo
            port: 80
            routes:
              - path: /demo
                host: Example.org
            drain: 25h
            """,
            "6: routes[0].host: route host 'Example.org' must be a host name in lower case, without a port, or '*.' and the domain of such names",
            "7: drain: '25h' must be at most 24h");
    }
}
