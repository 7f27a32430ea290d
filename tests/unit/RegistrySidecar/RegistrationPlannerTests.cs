using Consul;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed partial class RegistrationPlannerTests
{
    private static readonly ContainerFacts Web = Container("nginx", "web", ["80/tcp=8080"]);
    private static readonly ContainerFate Running = new(ContainerState.Running);
    private static readonly ContainerFate Absent = new(ContainerState.Absent);

    [Fact]
    public void Plan_NothingRegistered_RegistersAll() =>
        Assert.Equal("h1:web:80", Assert.Single(Plan([Web], []).Register).Registration.ID);

    [Fact]
    public void Plan_NothingDiffers_WritesNothing()
    {
        var plan = Plan([Web], [AsActual(Web)]);

        Assert.Empty(plan.Register);
        Assert.Empty(plan.Deregister);
        Assert.Empty(plan.Conflicts);
    }

    [Fact]
    public void Plan_AnotherWeight_RegistersAnew()
    {
        var heavy = Container("nginx", "web", ["80/tcp=8080"], ["SERVICE_WEIGHT=3"]);
        var actual = AsActual(heavy);
        actual.Weights = new AgentWeights { Passing = 1, Warning = 1 };
        Assert.Single(Plan([heavy], [actual]).Register);

        actual.Weights.Passing = 3;
        Assert.Empty(Plan([heavy], [actual]).Register);
    }

    public static TheoryData<string> Differences => ["name", "tags", "meta", "more meta", "override"];

    [Theory]
    [MemberData(nameof(Differences))]
    public void Plan_SomethingDiffers_RegistersAnewAndKeepsChecks(string difference)
    {
        var actual = AsActual(Web);
        switch (difference)
        {
            case "name": actual.Service = "x"; break;
            case "tags": actual.Tags = ["active"]; break;
            case "meta": actual.Meta["mesh-version"] = "x"; break;
            case "more meta": actual.Meta["x"] = "x"; break;
            default: actual.EnableTagOverride = true; break;
        }

        var registering = Assert.Single(Plan([Web], [actual]).Register);
        Assert.Equal((0, false), (registering.StaleChecks.Count, registering.IsTakeover));
    }

    [Theory]
    [InlineData("10.0.0.9", 1)]
    [InlineData("x", 8080)]
    public void Plan_AnotherPlace_BeginsAnew(string address, int port)
    {
        var actual = AsActual(Web);
        (actual.Address, actual.Port) = (address, port);

        Assert.True(Assert.Single(Plan([Web], [actual]).Register).IsTakeover);
    }

    [Theory]
    [InlineData("former", "mesh", true)]
    [InlineData("former", "another-mesh", false)]
    [InlineData("other", "mesh", false)]
    public void Owns_FormerNodes_AreThisNodesInItsMeshOnly(string node, string mesh, bool owns) => Assert.Equal(
        owns,
        new Ownership(Given.Node, "mesh") { FormerNodes = ["former"] }.Owns(
            new AgentService { Meta = new Dictionary<string, string> { [InstanceMeta.Owner] = node, [InstanceMeta.Environment] = mesh } }));

    [Fact]
    public void Plan_CheckIsMissing_RegistersItAgain()
    {
        var registering = Assert.Single(Plan([Web], [AsActual(Web)], checks: []).Register);

        Assert.Equal((0, false), (registering.StaleChecks.Count, registering.IsTakeover));
    }

    [Theory]
    [InlineData("mesh:http:h1:web:80", true)]
    [InlineData("service:h1:web:80", true)]
    [InlineData("_service_maintenance:h1:web:80", false)]
    [InlineData("by hand", false)]
    public void Plan_CheckThatIsNotWanted_GoesIfItWasBroughtByARegistration(string id, bool goes)
    {
        var plan = Plan([Web], [AsActual(Web)], checks: [Default(), new AgentCheck { CheckID = id, ServiceID = "h1:web:80" }]);

        Assert.Equal(goes ? [id] : [], plan.Register.SelectMany(registering => registering.StaleChecks));
    }

    [Theory]
    [InlineData("mesh-owner", "h2")]
    [InlineData("mesh-owner", null)]
    [InlineData("mesh-environment", "other")]
    public void Plan_SomebodyElses_IsNeverTouched(string key, string? value)
    {
        var actual = AsActual(Web);
        actual.Meta.Remove(key);
        if (value is not null)
            actual.Meta[key] = value;

        var wanted = Plan([Web], [actual]);
        var unwanted = Plan([], [actual]);

        Assert.Empty(wanted.Register);
        Assert.Single(wanted.Conflicts);
        Assert.Empty(wanted.Deregister.Concat(unwanted.Deregister));
    }

    [Theory]
    [InlineData(nameof(DeregisterPolicy.Always), 1, false, true)]
    [InlineData(nameof(DeregisterPolicy.OnSuccess), 0, false, true)]
    [InlineData(nameof(DeregisterPolicy.OnSuccess), 137, false, true)]
    [InlineData(nameof(DeregisterPolicy.OnSuccess), 143, false, true)]
    [InlineData(nameof(DeregisterPolicy.OnSuccess), 1, true, true)]
    [InlineData(nameof(DeregisterPolicy.OnSuccess), 1, false, false)]
    [InlineData(nameof(DeregisterPolicy.Never), 0, true, false)]
    public void Plan_ContainerEnded_GoesByThePolicy(string policy, int exitCode, bool autoRemove, bool goes)
    {
        var ended = Web with { IsRunning = false, ExitCode = exitCode, AutoRemove = autoRemove };

        var plan = Plan([], [AsActual(Web)], new ContainerFate(ContainerState.Exited, ended), Enum.Parse<DeregisterPolicy>(policy));

        Assert.Equal(goes ? ["h1:web:80"] : [], plan.Deregister);
    }

    [Theory]
    [InlineData(nameof(DeregisterPolicy.Always), true)]
    [InlineData(nameof(DeregisterPolicy.OnSuccess), true)]
    [InlineData(nameof(DeregisterPolicy.Never), false)]
    public void Plan_ContainerAbsent_GoesByThePolicy(string policy, bool goes) =>
        Assert.Equal(goes ? ["h1:web:80"] : [], Plan([], [AsActual(Web)], Absent, Enum.Parse<DeregisterPolicy>(policy)).Deregister);

    [Fact]
    public void Plan_NeverSeenWithinTheGrace_Stays() => Assert.Empty(Plan([], [AsActual(Web)], Absent, mayRemove: false).Deregister);

    [Fact]
    public void Plan_RunningAndNotDesired_GoesAtOnce() => Assert.Equal(["h1:web:80"], Plan([], [AsActual(Web)], Running, mayRemove: false).Deregister);

    [Theory]
    [InlineData(nameof(ContainerState.Unknown), nameof(DeregisterPolicy.Always), true, false)]
    [InlineData(nameof(ContainerState.Ended), nameof(DeregisterPolicy.Always), true, true)]
    [InlineData(nameof(ContainerState.Ended), nameof(DeregisterPolicy.Always), false, false)]
    [InlineData(nameof(ContainerState.Ended), nameof(DeregisterPolicy.OnSuccess), true, false)]
    [InlineData(nameof(ContainerState.Ended), nameof(DeregisterPolicy.Never), true, false)]
    public void Plan_HowItEndedIsUnknown_GoesWhereThatDoesNotMatter(string state, string policy, bool mayRemove, bool goes) => Assert.Equal(
        goes ? ["h1:web:80"] : [],
        Plan([], [AsActual(Web)], new ContainerFate(Enum.Parse<ContainerState>(state)), Enum.Parse<DeregisterPolicy>(policy), mayRemove).Deregister);

    [Fact]
    public void Plan_TwoClaimOneId_TheOlderHasIt()
    {
        var older = Container("a", "older", ["80/tcp=1"], ["SERVICE_ID=x"]);
        var younger = Container("b", "younger", ["80/tcp=2"], ["SERVICE_ID=x"]) with { CreatedAt = DateTimeOffset.UnixEpoch };

        var plan = Plan([younger, older], []);

        Assert.Equal(["h1:younger:80 b 10.0.0.9:2 []", "x a 10.0.0.9:1 []"], Lines(plan));
        Assert.Equal(["mesh:default:h1:younger:80", "mesh:default:x"], Checks(plan));
        Assert.Contains("younger", Assert.Single(plan.Conflicts), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("strange", null, false, 1)]
    [InlineData("", null, false, 1)]
    [InlineData("h1:web:80", null, true, 0)]
    [InlineData("strange", "candidate", false, 1)]
    [InlineData("strange", "active", false, 1)]
    [InlineData("h1:web:80", "active", true, 0)]
    public void Plan_CheckThatAnotherServiceHas_IsNotTakenFromIt(string holder, string? registeredAs, bool registers, int conflicts)
    {
        var actual = AsActual(Web);
        actual.Tags = [registeredAs!];

        var plan = Plan([Web], registeredAs is null ? [] : [actual], checks: [Default(holder)]);

        Assert.Equal((registers, conflicts), (plan.Register.Count > 0, plan.Conflicts.Count));
        Assert.Empty(plan.Deregister);
    }

    [Fact]
    public void Plan_IdOfANameThatAnotherSays_IsTheNamesOwn()
    {
        var sayer = Container("a", "sayer", ["80/tcp=1"], ["SERVICE_ID=h1:web:80"]);

        var plan = Plan([sayer, Web with { CreatedAt = DateTimeOffset.MaxValue }], [AsActual(sayer)], checks: [Default()]);

        Assert.Equal(["h1:sayer:80 a 10.0.0.9:1 []", "h1:web:80 nginx 10.0.0.9:8080 []"], Lines(plan));
        Assert.Equal(["h1:web:80"], plan.Register.Where(registering => registering.IsTakeover).Select(registering => registering.Registration.ID));
        Assert.Contains("sayer", Assert.Single(plan.Conflicts), StringComparison.Ordinal);
        Assert.Empty(plan.Deregister);
    }

    [Fact]
    public void Plan_TwoClaimOneId_WhoIsRegisteredKeepsIt()
    {
        var older = Container("a", "older", ["80/tcp=1"], ["SERVICE_ID=x"]);
        var younger = Container("b", "younger", ["80/tcp=2"], ["SERVICE_ID=x"]) with { CreatedAt = DateTimeOffset.UnixEpoch };

        Assert.Equal(["h1:older:80 a 10.0.0.9:1 []"], Lines(Plan([younger, older], [AsActual(younger)])));
    }

    [Theory]
    [InlineData(nameof(ContainerState.Unknown), false)]
    [InlineData(nameof(ContainerState.Ended), true)]
    [InlineData(nameof(ContainerState.Absent), true)]
    public void Plan_IdIsHeldByAContainerOfUnknownFate_IsNotTakenFromIt(string state, bool takesOver)
    {
        var holder = Container("a", "holder", ["80/tcp=1"], ["SERVICE_ID=x"]);
        var other = Container("b", "other", ["80/tcp=2"], ["SERVICE_ID=x"]);

        var plan = Plan([other], [AsActual(holder)], new ContainerFate(Enum.Parse<ContainerState>(state)));

        Assert.Equal((takesOver, !takesOver), (plan.Register.Count > 0, plan.Conflicts.Count > 0));
        Assert.Empty(plan.Deregister);
    }

    [Fact]
    public void Plan_IdOfItsNameIsHeldByAContainerOfUnknownFate_IsTakenOver() =>
        Assert.True(Assert.Single(Plan([Web with { Id = IdOf("successor") }], [AsActual(Web)], new ContainerFate(ContainerState.Unknown)).Register).IsTakeover);

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true)]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", false)]
    [InlineData("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", false)]
    [InlineData("../../../version/////////////////////////////////////////////////", false)]
    [InlineData("web", false)]
    public void ContainerOf_NoContainersId_IsEmpty(string text, bool isId) => Assert.Equal(
        isId ? text : "", Ownership.ContainerOf(new AgentService { Meta = new Dictionary<string, string> { [InstanceMeta.Container] = text } }));

    [Fact]
    public void Plan_NewContainerUnderTheSameId_TakesItOver()
    {
        var successor = Web with { Id = IdOf("successor"), Bindings = new Dictionary<ContainerPort, IReadOnlyList<HostBinding>> { [new ContainerPort(80, "tcp")] = [new HostBinding("0.0.0.0", 9090)] } };

        var plan = Plan([successor], [AsActual(Web)], Absent);

        Assert.Equal((9090, true), (Assert.Single(plan.Register).Registration.Port, plan.Register[0].IsTakeover));
        Assert.Empty(plan.Deregister);
    }

    private static RegistrationPlan Plan(
        ContainerFacts[] running, AgentService[] actual, ContainerFate? fate = null, DeregisterPolicy policy = DeregisterPolicy.Always, bool mayRemove = true,
        AgentCheck[]? checks = null) =>
        RegistrationPlanner.Plan(new PlanInput(
            Desired(running),
            actual.ToDictionary(service => service.ID),
            (checks ?? [.. actual.Select(service => Default(service.ID, service.ID))]).ToDictionary(check => check.CheckID),
            new Ownership(Given.Node, "mesh"),
            policy,
            _ => fate ?? Running,
            _ => mayRemove));

    private static IReadOnlyList<DesiredInstance> Desired(ContainerFacts[] running)
    {
        var desired = new DesiredState();
        desired.Update(running, Context());
        return desired.Instances;
    }

    private static IEnumerable<string> Lines(RegistrationPlan plan) =>
        plan.Register.Select(registering => Line(registering.Registration)).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Checks(RegistrationPlan plan) =>
        plan.Register.SelectMany(registering => registering.Registration.Checks!).Select(check => check.CheckID!).Order(StringComparer.Ordinal);

    private static AgentCheck Default(string holder = "h1:web:80", string service = "h1:web:80") => new() { CheckID = $"mesh:default:{service}", ServiceID = holder };

    private static AgentService AsActual(ContainerFacts container) => AsActual(Assert.Single(Desired([container])));

    private static AgentService AsActual(DesiredInstance instance)
    {
        var registration = instance.Registration;
        return new AgentService
        {
            ID = registration.ID!,
            Service = registration.Name!,
            Address = registration.Address!,
            Port = registration.Port,
            Tags = registration.Tags!,
            Meta = new Dictionary<string, string>(registration.Meta!),
        };
    }
}
