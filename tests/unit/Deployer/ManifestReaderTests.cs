using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed partial class ManifestReaderTests
{
    private const string Whole = """
        name: demo
        image: ${REGISTRY:-localhost:5000}/demo
        port: 8080
        routes:
          - path: /demo
            strip: true
          - host: demo.example.org
        replicas: 2
        environment:
          ASPNETCORE_ENVIRONMENT: Production
          EMPTY:
        health:
          http: /health
          interval: 1s
          timeout: 500ms
          healthy-for: 2s
          deadline: 1m30s
        tests:
          image: ${REGISTRY:-localhost:5000}/demo-tests:stable
          environment: {}
          timeout: 2m
        drain: 30s
        keep: 1
        """;

    [Fact]
    public void Read_TrafficStrategyAndWatch_GiveThePolicies()
    {
        var manifest = Valid(Whole + """

            traffic:
              balance: least-requests
              sticky: true
              retries: {attempts: 1, budget: 10%}
              concurrency: {per-instance: 20, queue: 5, wait: 500ms}
              probe: {path: /health, interval: 3s, timeout: 1s, failures: 2, successes: 2}
              passive: {failures: 3, error-share: 50%, minimum: 10, window: 5s, ejection: 20s}
              slow-start: 30s
            strategy:
              canary: {steps: [5%, 12.5%, 50%], bake: 2m, minimum: 500, error-share: 0.5%, p99-ratio: 1.2, synthetic: /health}
            watch: {for: 1m, error-share: 2%, minimum: 50}
            """);

        Assert.Equal(
            new TrafficPolicy
            {
                Balance = Balance.LeastRequests,
                Sticky = true,
                Retries = new RetryPolicy(1, 0.1),
                Concurrency = new ConcurrencyLimit(20, 5, TimeSpan.FromMilliseconds(500)),
                Probe = new ProbePolicy("/health", TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1), 2, 2),
                Passive = new PassivePolicy(3, 0.5, 10, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(20)),
                SlowStart = TimeSpan.FromSeconds(30),
                Drain = TimeSpan.FromSeconds(30),
            },
            manifest.Traffic);
        Assert.Equal([5, 12.5, 50], manifest.Strategy.Canary!.Steps);
        Assert.Equal(
            (TimeSpan.FromMinutes(2), 500, 0.005, 1.2, "/health"),
            (manifest.Strategy.Canary.Bake, manifest.Strategy.Canary.Minimum, manifest.Strategy.Canary.ErrorShare, manifest.Strategy.Canary.P99Ratio, manifest.Strategy.Canary.Synthetic));
        Assert.Equal(new WatchPolicy { For = TimeSpan.FromMinutes(1), ErrorShare = 0.02, Minimum = 50 }, manifest.Watch);
    }

    [Fact]
    public void Read_SecretsResourcesAndSuites_AreReadAndTheSecretsValuesAreNot()
    {
        var manifest = Valid("""
            name: demo
            image: demo:v1
            port: 80
            routes: [{path: /}]
            secrets:
              DB_PASSWORD:
              API_KEY: {env: SHOP_API_KEY}
              TLS_KEY: {file: keys/tls.key}
            resources: {cpus: 0.25, memory: 64M}
            tests:
              - {name: smoke, image: demo-smoke}
              - {name: load, image: "demo-load:stable", timeout: 5m, secrets: {TOKEN: {env: LOAD_TOKEN}}}
            """);

        Assert.Equal(
            [new SecretSource("DB_PASSWORD", "DB_PASSWORD", null), new SecretSource("API_KEY", "SHOP_API_KEY", null), new SecretSource("TLS_KEY", null, "keys/tls.key")],
            manifest.Secrets);
        Assert.Equal(new ResourceLimits { Cpus = 0.25, Memory = 64 << 20 }, manifest.Resources);
        Assert.Empty(manifest.Tests[0].Secrets);
        Assert.Equal([new SecretSource("TOKEN", "LOAD_TOKEN", null)], manifest.Tests[1].Secrets);
        Assert.Equal([("smoke", "demo-smoke"), ("load", "demo-load:stable")], manifest.Tests.Select(suite => (suite.Name!, suite.Image.ToString())));
    }

    [Fact]
    public void Read_EachStrategy_GivesItsPolicy()
    {
        Assert.Equal(
            new Strategy(Rolling: new RollingPolicy { Batch = 2, Bake = TimeSpan.FromMinutes(2), Minimum = 20, ErrorShare = 0.05, P99Ratio = 2, Synthetic = "/health" }),
            Valid(Whole + "\nstrategy: {rolling: {batch: 2, bake: 2m, minimum: 20, error-share: 5%, p99-ratio: 2, synthetic: /health}}").Strategy);
        Assert.Equal(
            new Strategy(Rolling: new RollingPolicy { Batch = 1, Bake = TimeSpan.FromSeconds(30), Minimum = 100, ErrorShare = 0.01, P99Ratio = null, Synthetic = null }),
            Valid(Whole + "\nstrategy: {rolling: {}}").Strategy);
        Assert.Equal(
            new Strategy(Ab: new AbPolicy(12.5, new SplitMatch("X-Beta", "yes"), new SplitMatch("beta", "on"))),
            Valid(Whole + "\nstrategy: {ab: {share: 12.5%, header: {name: X-Beta, value: yes}, cookie: {name: beta, value: on}}}").Strategy);
        Assert.Equal(new Strategy(), Valid(Whole).Strategy);
    }

    [Theory]
    [InlineData("traffic: {balance: fastest}", "traffic.balance: 'fastest' is not known; ")]
    [InlineData("traffic: {retries: {budget: 0.2}}", "traffic.retries.budget: '0.2' must be a share in percent, such as 5%")]
    [InlineData("traffic: {concurrency: {queue: 1}}", "traffic.concurrency.per-instance is missing")]
    [InlineData("traffic: {probe: {path: health}}", "traffic.probe.path: 'health' must be a path that begins with '/'")]
    [InlineData("traffic: {slow-start: 2h}", "traffic.slow-start: 2h must be 0s to 1h")]
    [InlineData("traffic: {slow: 2h}", "unknown key 'traffic.slow'; ")]
    [InlineData("strategy: {canary: {steps: [50%, 10%]}}", "strategy.canary.steps: each step must be larger than the one before")]
    [InlineData("strategy: {canary: {steps: [100%]}}", "strategy.canary.steps[0]: '100%' must be a share between 0 and 100 %, such as 10%")]
    [InlineData("strategy: {canary: {p99-ratio: 0.5}}", "strategy.canary.p99-ratio: '0.5' must be a number from 1 to 100")]
    [InlineData("strategy: {canary: {synthetic: health}}", "strategy.canary.synthetic: 'health' must be a path")]
    [InlineData("strategy: {blue: {}}", "unknown key 'strategy.blue'; ")]
    [InlineData("strategy: {canary: {}, rolling: {}}", "strategy: choose one of canary, rolling and ab")]
    [InlineData("strategy: {rolling: {synthetic: health}}", "strategy.rolling.synthetic: 'health' must be a path")]
    [InlineData("strategy: {rolling: {batch: 0}}", "strategy.rolling.batch: '0' must be a whole number from 1 to 50")]
    [InlineData("strategy: {ab: {}}", "strategy.ab: which requests? Give share, header or cookie")]
    [InlineData("strategy: {ab: {header: {name: X-Beta}}}", "strategy.ab.header.value is missing")]
    [InlineData("strategy: {ab: {cookie: {name: a b, value: x}}}", "strategy.ab.cookie.name: 'a b' must be a token")]
    [InlineData("watch: {for: 10ms}", "watch.for: '10ms' must be at least 1s")]
    public void Read_AFaultyPolicy_IsToldWithItsKey(string more, string expected)
    {
        var error = Assert.Single(ManifestReader.Read(Whole + "\n" + more, _ => null).Errors);

        Assert.Equal(Whole.Split('\n').Length + 1, error.Line);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_EveryKey_GivesTheManifest()
    {
        var manifest = Valid(Whole);

        Assert.Equal("demo", manifest.Name);
        Assert.Equal(new ImageReference("localhost:5000/demo", null), manifest.Image);
        Assert.Equal(8080, manifest.Port);
        Assert.Equal([new Route(null, "/demo", true), new Route("demo.example.org", "/", false)], manifest.Routes);
        Assert.Equal(2, manifest.Replicas);
        Assert.Equal(new Dictionary<string, string> { ["ASPNETCORE_ENVIRONMENT"] = "Production", ["EMPTY"] = "" }, manifest.Environment);
        Assert.Equal(
            new HealthPolicy
            {
                HttpPath = "/health",
                Interval = TimeSpan.FromSeconds(1),
                Timeout = TimeSpan.FromMilliseconds(500),
                HealthyFor = TimeSpan.FromSeconds(2),
                Deadline = TimeSpan.FromSeconds(90),
            },
            manifest.Health);
        Assert.Equal(new ImageReference("localhost:5000/demo-tests", "stable"), manifest.Tests[0].Image);
        Assert.Equal(TimeSpan.FromMinutes(2), manifest.Tests[0].Timeout);
        Assert.Equal(TimeSpan.FromSeconds(30), manifest.Drain);
        Assert.Equal(1, manifest.Keep);
    }

    [Fact]
    public void Read_ARouteWithAllItsKeys_GivesTheRoute()
    {
        var manifest = Valid("""
            name: demo
            image: demo:v1
            port: 80
            routes:
              - host: "*.shop.example"
                path: /demo
                strip: true
                request-headers:
                  set:
                    X-From: ${FROM:-mesh}
                  remove: [X-Debug]
                response-headers:
                  remove:
                    - Server
                timeout: 1m30s
                max-body: 10M
                upstream: h2c
            """);

        Assert.Equal(
            [
                new Route("*.shop.example", "/demo", true)
                {
                    RequestHeaders = new HeaderChanges { Set = new Dictionary<string, string> { ["X-From"] = "mesh" }, Remove = ["X-Debug"] },
                    ResponseHeaders = new HeaderChanges { Remove = ["Server"] },
                    Timeout = TimeSpan.FromSeconds(90),
                    MaxBody = 10 * 1024 * 1024,
                    Upstream = UpstreamProtocol.H2c,
                },
            ],
            manifest.Routes);
    }

    [Fact]
    public void Read_FaultyRouteFields_AreNamedByTheirLines() => AssertErrors(
        """
        name: demo
        image: demo:v1
        port: 80
        routes:
          - path: /demo
            request-headers:
              set:
                X-Good: "1"
                Host: other
                X-Bad: "a\u0007b"
              remove:
                - X-Gone
                - Content-Length
                - x-good
            response-headers:
              add: {X-A: b}
              remove: Server
            timeout: 25h
            max-body: 10MB
            upstream: grpc
        """,
        "7: routes[0].request-headers: route requestHeaders: header 'X-Good' is named twice",
        "9: routes[0].request-headers.set: header 'Host' belongs to the proxy: no route may change it",
        "10: routes[0].request-headers.set: header 'X-Bad' must have a value of printable ASCII, without spaces around it, at most 4096 long",
        "13: routes[0].request-headers.remove[1]: header 'Content-Length' belongs to the proxy: no route may change it",
        "16: unknown key 'routes[0].response-headers.add'; known here: set, remove",
        "17: routes[0].response-headers.remove: must be a list, each entry beginning with '- '",
        "18: routes[0].timeout: '25h' must be at most 24h",
        "19: routes[0].max-body: '10MB' must be a number of bytes, or of K, M or G (1024 of the smaller each), such as 10M",
        "20: routes[0].upstream: 'grpc' must be http, h2 or h2c");

    [Theory]
    [InlineData("0", 0L)]
    [InlineData("1000", 1000L)]
    [InlineData("1K", 1024L)]
    [InlineData("3G", 3221225472L)]
    public void Read_MaxBody_CountsBytes(string text, long bytes) => Assert.Equal(
        bytes, Valid($"name: demo\nimage: demo:v1\nport: 80\nroutes: [{{path: /, max-body: {text}}}]").Routes[0].MaxBody);

    [Theory]
    [InlineData("-1")]
    [InlineData("K")]
    [InlineData("9223372036854775807K")]
    [InlineData("1.5M")]
    public void Read_AMaxBodyThatIsNoNumber_IsNamed(string text) => AssertErrors(
        $"name: demo\nimage: demo:v1\nport: 80\nroutes: [{{path: /, max-body: {text}}}]",
        $"4: routes[0].max-body: '{text}' must be a number of bytes, or of K, M or G (1024 of the smaller each), such as 10M");

    [Fact]
    public void Read_OnlyWhatIsRequired_TakesTheDefaults()
    {
        var manifest = Valid("""
            name: demo
            image: demo:v1
            port: 80
            routes: [{path: /}]
            """);

        Assert.Equal(new ImageReference("demo", "v1"), manifest.Image);
        Assert.Equal(1, manifest.Replicas);
        Assert.Equal(new HealthPolicy(), manifest.Health);
        Assert.Null(manifest.Health.HttpPath);
        Assert.Empty(manifest.Tests);
        Assert.Equal(1, manifest.Keep);
    }

    private static ServiceManifest Valid(string text)
    {
        var result = ManifestReader.Read(text, _ => null);
        Assert.Empty(result.Errors);
        return result.Manifest!;
    }

    private static void AssertErrors(string text, params string[] errors)
    {
        var result = ManifestReader.Read(text, _ => null);
        Assert.Null(result.Manifest);
        Assert.Equal(errors, result.Errors.Select(error => $"{error.Line}: {error.Message}"));
    }
}
