using Consul;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class CheckRuleTests
{
    private static readonly SidecarOptions Scripts = WithIp with { EnableScriptChecks = true };
    private static readonly SidecarOptions NoDefault = WithIp with { DefaultCheck = DefaultCheck.None };

    [Fact]
    public void Map_Http_AsksThePublishedAddress()
    {
        var check = Assert.Single(Checks(["SERVICE_CHECK_HTTP=/health"]));

        Assert.Equal("http://10.0.0.9:8080/health", check.HTTP);
        Assert.Equal(TimeSpan.FromSeconds(10), check.Interval);
        Assert.Equal("service:h1:web:80", check.CheckID);
        Assert.Null(check.Timeout);
        Assert.Null(check.Status);
    }

    [Fact]
    public void Map_HttpOnIpv6_BracketsTheAddress() =>
        Assert.Equal("http://[fd00::7]:8080/x", Assert.Single(Checks(["SERVICE_CHECK_HTTP=x"], new SidecarOptions { Ip = "fd00::7" })).HTTP);

    [Fact]
    public void Map_Http_TakesItsMethod() =>
        Assert.Equal("HEAD", Assert.Single(Checks(["SERVICE_CHECK_HTTP=/h", "SERVICE_CHECK_HTTP_METHOD=HEAD", "SERVICE_CHECK_HTTPS_METHOD=POST"])).Method);

    [Fact]
    public void Map_Https_TakesMethodHeaderBodyAndVerification()
    {
        var check = Assert.Single(Checks(
        [
            "SERVICE_CHECK_HTTPS=/h", "SERVICE_CHECK_HTTPS_METHOD=POST", "SERVICE_CHECK_HEADER={\"Host\":\"a\",\"X\":[\"1\",\"2\"]}",
            "SERVICE_CHECK_BODY=hi", "SERVICE_CHECK_TLS_SKIP_VERIFY=true",
        ]));

        Assert.Equal("https://10.0.0.9:8080/h", check.HTTP);
        Assert.Equal("POST", check.Method);
        Assert.Equal("hi", check.Body);
        Assert.True(check.TLSSkipVerify);
        Assert.Equal(["a"], check.Header!["Host"]);
        Assert.Equal(["1", "2"], check.Header!["X"]);
    }

    [Fact]
    public void Map_EverySetting_GoesWithTheCheck()
    {
        var check = Assert.Single(Checks(
        [
            "SERVICE_CHECK_TCP=true", "SERVICE_CHECK_INTERVAL=1m30s", "SERVICE_CHECK_TIMEOUT=500ms", "SERVICE_CHECK_INITIAL_STATUS=critical",
            "SERVICE_CHECK_DEREGISTER_AFTER=2h", "SERVICE_CHECK_SUCCESS_BEFORE_PASSING=2", "SERVICE_CHECK_FAILURES_BEFORE_CRITICAL=3",
        ]));

        Assert.Equal("10.0.0.9:8080", check.TCP);
        Assert.Equal(TimeSpan.FromSeconds(90), check.Interval);
        Assert.Equal(TimeSpan.FromMilliseconds(500), check.Timeout);
        Assert.Equal(HealthStatus.Critical, check.Status);
        Assert.Equal(TimeSpan.FromHours(2), check.DeregisterCriticalServiceAfter);
        Assert.Equal((2, 3), (check.SuccessBeforePassing, check.FailuresBeforeCritical));
    }

    [Fact]
    public void Map_SeveralChecks_RegistersAllWithIdsOfTheirOwn()
    {
        var checks = Checks(["SERVICE_CHECK_HTTP=/", "SERVICE_CHECK_TCP=1", "SERVICE_CHECK_GRPC=yes", "SERVICE_CHECK_GRPC_USE_TLS=true", "SERVICE_CHECK_TTL=15s"]);

        Assert.Equal(
            ["mesh:http:h1:web:80", "mesh:tcp:h1:web:80", "mesh:grpc:h1:web:80", "mesh:ttl:h1:web:80"],
            checks.Select(check => check.CheckID));
        Assert.True(checks[2].GRPCUseTLS);
        Assert.Equal((TimeSpan.FromSeconds(15), null), (checks[3].TTL, checks[3].Interval));
    }

    [Theory]
    [InlineData("SERVICE_CHECK_TCP=false")]
    [InlineData("SERVICE_CHECK_GRPC=0")]
    [InlineData("SERVICE_CHECK_HTTP=")]
    [InlineData("CHECK_HTTP=/")]
    public void Map_CheckSwitchedOff_RegistersNone(string variable) => Assert.Empty(Checks([variable], NoDefault));

    [Fact]
    public void Map_Scripts_AreSplitAsAShellDoes()
    {
        var checks = Checks(
            ["SERVICE_CHECK_SCRIPT=curl -H 'a b' $SERVICE_IP:$SERVICE_PORT", "SERVICE_CHECK_CMD=test \"x y\"", "SERVICE_CHECK_DOCKER=true"], Scripts);

        Assert.Equal(["curl", "-H", "a b", "10.0.0.9:8080"], checks[0].Args!);
        Assert.Equal(["check-cmd", IdOf("web")[..12], "80", "test", "x y"], checks[1].Args!);
        Assert.Equal(IdOf("web"), checks[2].DockerContainerID);
    }

    [Theory]
    [InlineData("SERVICE_CHECK_SCRIPT=curl -f x || exit 2", true)]
    [InlineData("SERVICE_CHECK_CMD=a > b", true)]
    [InlineData("SERVICE_CHECK_DOCKER=a && b", true)]
    [InlineData("SERVICE_CHECK_SCRIPT=sh -c 'curl -f x || exit 2'", false)]
    public void Map_ScriptThatNeedsAShell_WarnsThatThereIsNone(string variable, bool warns)
    {
        var mapped = ContainerMapping.Map(Container("nginx", "web", ["80/tcp=8080"], [variable]), Context(Scripts));

        Assert.Single(Assert.Single(mapped.Registrations).Checks!);
        Assert.Equal(warns ? 1 : 0, mapped.Warnings.Count(warning => warning.Contains("sh -c '…'", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("SERVICE_CHECK_SCRIPT=rm -rf /")]
    [InlineData("SERVICE_CHECK_CMD=x")]
    [InlineData("SERVICE_CHECK_DOCKER=x")]
    public void Map_ScriptsThatAreNotAllowed_AreLeftOutWithAWarning(string variable)
    {
        var mapped = ContainerMapping.Map(Container("nginx", "web", ["80/tcp=8080"], [variable]), Context());

        Assert.Equal("mesh:default:h1:web:80", Assert.Single(Assert.Single(mapped.Registrations).Checks!).CheckID);
        Assert.Contains("--enable-script-checks", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("80/tcp=8080", "81", "10.0.0.9:8181", false)]
    [InlineData("80/tcp=80", "81", "10.0.0.9:8181", false)]
    [InlineData("80/tcp=8080", "82", "10.0.0.9:8282", false)]
    [InlineData("80/tcp=80", "9999", "10.0.0.9:80", true)]
    [InlineData("80/tcp=8080", "8500", "10.0.0.9:8080", true)]
    [InlineData("80/tcp=8080", "8181", "10.0.0.9:8181", false)]
    [InlineData("80/tcp=8080", "8283", "10.0.0.9:8283", false)]
    [InlineData("80/tcp=8080", "0", "10.0.0.9:8080", true)]
    [InlineData("80/tcp=8080", "x", "10.0.0.9:8080", true)]
    public void Map_CheckPort_IsAskedWhereItIsPublished(string published, string port, string expected, bool warns)
    {
        var container = Container(
            "nginx", "web", [published, "81/tcp=8181", "82/tcp=:::8283", "82/tcp=0.0.0.0:8282"],
            ["SERVICE_81_IGNORE=1", "SERVICE_82_IGNORE=1", "SERVICE_CHECK_TCP=1", $"SERVICE_CHECK_PORT={port}"]);

        var mapped = ContainerMapping.Map(container, Context());

        Assert.Equal(expected, Assert.Single(Assert.Single(mapped.Registrations).Checks!).TCP);
        Assert.Equal(warns, mapped.Warnings.Any(warning => warning.Contains("SERVICE_CHECK_PORT", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("host", "10.0.0.9:81")]
    [InlineData("bridge", "172.17.0.5:81")]
    public void Map_CheckPortOfAContainersOwnAddress_IsAskedAsItIs(string network, string expected)
    {
        var container = Container("nginx", "web", ["80/tcp", "81/tcp=8181"], ["SERVICE_81_IGNORE=1", "SERVICE_CHECK_TCP=1", "SERVICE_CHECK_PORT=81"]) with
        {
            NetworkMode = network,
        };

        Assert.Equal(expected, Assert.Single(Assert.Single(Registrations(container, WithIp with { Internal = true })).Checks!).TCP);
    }

    [Theory]
    [InlineData("10.9.8.7", "10.9.8.7:9999", 0)]
    [InlineData("10.0.0.9", "10.0.0.9:8080", 1)]
    public void Map_CheckPortOfAnAddressThatALabelSays_IsAskedAsItIsUnlessThatIsThisHost(string address, string expected, int warnings)
    {
        var container = Container(
            "nginx", "web", ["80/tcp=8080"], ["SERVICE_CHECK_TCP=1", "SERVICE_CHECK_PORT=9999"], new Dictionary<string, string> { ["ip"] = address });

        var mapped = ContainerMapping.Map(container, Context(WithIp with { UseIpFromLabel = "ip" }));

        Assert.Equal((expected, warnings), (Assert.Single(Assert.Single(mapped.Registrations).Checks!).TCP, mapped.Warnings.Count));
    }

    [Fact]
    public void Map_IdsThatLookLikeOthersChecks_GiveChecksOfTheirOwn()
    {
        var health = new ContainerHealth(HealthState.Healthy, "");
        string[] ids = ["x", "x:healthcheck", "x:default", "x:ttl", "healthcheck:x", "x:1"];
        var checks =
            from id in ids
            from env in (string[][])[[], ["SERVICE_CHECK_TTL=9s", "SERVICE_CHECK_TCP=false"], ["SERVICE_CHECK_TTL=9s", "SERVICE_CHECK_HTTP=/"]]
            from check in Registrations(Container("a", id, ["80/tcp=8080"], [$"SERVICE_ID={id}", .. env]) with { Health = health })[0].Checks!
            select (Service: id, Check: check.CheckID);

        Assert.All(checks.ToLookup(one => one.Check), sameCheck => Assert.Single(sameCheck.Select(one => one.Service).Distinct()));
    }

    [Theory]
    [InlineData("SERVICE_CHECK_INTERVAL=10", "INTERVAL")]
    [InlineData("SERVICE_CHECK_TIMEOUT=-1s", "TIMEOUT")]
    [InlineData("SERVICE_CHECK_INITIAL_STATUS=good", "INITIAL_STATUS")]
    [InlineData("SERVICE_CHECK_HEADER=[1]", "HEADER")]
    [InlineData("SERVICE_CHECK_HEADER={", "HEADER")]
    [InlineData("SERVICE_CHECK_SUCCESS_BEFORE_PASSING=-1", "SUCCESS_BEFORE_PASSING")]
    [InlineData("SERVICE_CHECK_PORT=70000", "PORT")]
    [InlineData("SERVICE_CHECK_TTL=1ms", "TTL")]
    [InlineData("SERVICE_CHECK_TTL=100ns", "TTL")]
    [InlineData("SERVICE_CHECK_TTL=999ms", "TTL")]
    [InlineData("SERVICE_CHECK_TTL=0", "TTL")]
    [InlineData("SERVICE_CHECK_HTPP=/", "HTPP")]
    public void Map_UnusableSetting_KeepsTheCheckWithAWarning(string variable, string named)
    {
        var mapped = ContainerMapping.Map(Container("nginx", "web", ["80/tcp=8080"], ["SERVICE_CHECK_HTTP=/", variable]), Context());

        Assert.Equal("http://10.0.0.9:8080/", Assert.Single(Assert.Single(mapped.Registrations).Checks!).HTTP);
        Assert.Contains($"SERVICE_CHECK_{named}", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.6.10", 0, 0, null, 1)]
    [InlineData("1.7.0", 2, 3, "ping", 0)]
    [InlineData("1.21.3", 2, 3, "ping", 0)]
    [InlineData(null, 2, 3, "ping", 0)]
    public void Map_SettingThatTheAgentDoesNotKnow_IsLeftOutWithOneWarning(string? agent, int successes, int failures, string? body, int warnings)
    {
        var container = Container(
            "nginx", "web", ["80/tcp=8080", "81/tcp=8081"],
            ["SERVICE_CHECK_HTTP=/", "SERVICE_CHECK_BODY=ping", "SERVICE_CHECK_SUCCESS_BEFORE_PASSING=2", "SERVICE_CHECK_FAILURES_BEFORE_CRITICAL=3"]);

        var mapped = ContainerMapping.Map(container, Context(agent: agent));

        Assert.All(
            mapped.Registrations.SelectMany(registration => registration.Checks!),
            check => Assert.Equal((successes, failures, body), (check.SuccessBeforePassing, check.FailuresBeforeCritical, check.Body)));
        Assert.Equal(warnings, mapped.Warnings.Count);
    }

    [Theory]
    [InlineData(null, "tcp 2s")]
    [InlineData("SERVICE_CHECK_INTERVAL=5s", "tcp 5s")]
    [InlineData("SERVICE_CHECK_TCP=false", "")]
    [InlineData("SERVICE_CHECK_HTTP=/", "http 10s")]
    [InlineData("SERVICE_CHECK_TTL=1s", "ttl , tcp 2s")]
    [InlineData("SERVICE_CHECK_TTL=9s", "ttl , tcp 2s")]
    [InlineData("SERVICE_CHECK_TTL=9s SERVICE_CHECK_TTL_HEARTBEAT=false", "ttl ")]
    public void Map_DefaultCheck_IsThereWhereNothingElseAsksTheContainer(string? variables, string expected) =>
        Assert.Equal(expected, string.Join(", ", Checks(variables?.Split(' ') ?? []).Select(Kind)));

    [Fact]
    public void Map_DefaultCheck_IsForTcpPortsAndWhereTheOptionAllowsIt()
    {
        var container = Container("bind", "dns", ["53/udp=53", "53/tcp=53"]);

        Assert.Equal([1, 0], Registrations(container).Select(registration => registration.Checks!.Length));
        Assert.Equal([0, 0], Registrations(container, NoDefault).Select(registration => registration.Checks!.Length));
    }

    [Theory]
    [InlineData("active", "passing", 0)]
    [InlineData("candidate", null, 1)]
    public void Map_InitialStatus_HoldsForWhatWasPromoted(string stage, string? status, int warnings)
    {
        var container = Container("demo", "demo", ["80/tcp=8080"], ["SERVICE_CHECK_HTTP=/", "SERVICE_CHECK_INITIAL_STATUS=passing"]);
        var documents = Documents(Document("demo", stage == "active" ? container.Id : "other"));

        var mapped = ContainerMapping.Map(container, Context(documents: documents));

        Assert.Equal(status, Assert.Single(Assert.Single(mapped.Registrations).Checks!).Status?.Status);
        Assert.Equal(warnings, mapped.Warnings.Count);
    }

    [Fact]
    public void Map_OtherInitialStatus_IsTheSameDefinition()
    {
        string[] statuses = ["critical", "passing"];

        Assert.Single(statuses.Select(status => Hash([$"SERVICE_CHECK_INITIAL_STATUS={status}"])).Distinct());
    }

    /// <summary>Another hash of the same checks would register every instance anew when the sidecar is upgraded.</summary>
    [Fact]
    public void HashOf_SameChecks_IsTheSameInEveryVersion() => Assert.Equal(
        "516c9066e83669c5",
        CheckRule.HashOf(Checks(["SERVICE_CHECK_HTTP=/a", "SERVICE_CHECK_TTL=30s", """SERVICE_CHECK_HEADER={"Accept":["text/plain"]}""", "SERVICE_CHECK_TIMEOUT=3s"])));

    [Fact]
    public void HashOf_ChangedCheck_Differs()
    {
        string[] variants = ["/a", "/b"];
        var hashes = variants.Select(path => CheckRule.HashOf(Checks([$"SERVICE_CHECK_HTTP={path}"]))).ToList();

        Assert.NotEqual(hashes[0], hashes[1]);
        Assert.Equal(hashes[0], CheckRule.HashOf(Checks(["SERVICE_CHECK_HTTP=/a"])));
    }

    private static string Hash(string[] env) =>
        Assert.Single(Registrations(Container("nginx", "web", ["80/tcp=8080"], env))).Meta![InstanceMeta.Checks];

    private static string Kind(AgentServiceCheck check) =>
        $"{(check.TTL is not null ? "ttl" : check.HTTP is not null ? "http" : "tcp")} {(check.Interval is { } interval ? $"{interval.TotalSeconds}s" : "")}";

    private static AgentServiceCheck[] Checks(string[] env, SidecarOptions? options = null) =>
        Assert.Single(Registrations(Container("nginx", "web", ["80/tcp=8080"], env), options)).Checks!;
}
