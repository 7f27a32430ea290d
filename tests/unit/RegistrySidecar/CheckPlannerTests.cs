using Consul;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Which checks the sidecar tells the agent about, and when; and what a pause leads to.</summary>
public sealed class CheckPlannerTests
{
    private const string Mirror = "mesh:healthcheck:h1:web:80";
    private const string Heartbeat = "service:h1:web:80";

    private static readonly TimeSpan Now = TimeSpan.FromHours(1);
    private static readonly ContainerFacts Beating = Container("nginx", "web", ["80/tcp=8080"], ["SERVICE_CHECK_TTL=12s"]);

    [Theory]
    [InlineData(nameof(HealthState.Starting), "critical")]
    [InlineData(nameof(HealthState.Healthy), "passing")]
    [InlineData(nameof(HealthState.Unhealthy), "critical")]
    public void Map_Healthcheck_IsATtlCheckBesideTheOthersWithTheRightStatusAtOnce(string state, string status)
    {
        var container = Container("nginx", "web", ["80/tcp=8080"], ["SERVICE_CHECK_HTTP=/", "SERVICE_CHECK_INITIAL_STATUS=warning"]) with
        {
            Health = new ContainerHealth(Enum.Parse<HealthState>(state), "said"),
        };

        var checks = Assert.Single(Registrations(container)).Checks!;

        Assert.Equal([Heartbeat, Mirror], checks.Select(check => check.CheckID));
        Assert.Equal((status, TimeSpan.FromDays(1)), (checks[1].Status!.Status, checks[1].TTL));
        Assert.Single(Registrations(container with { Env = [.. container.Env, "SERVICE_CHECK_HEALTHCHECK=false"] })[0].Checks!);
    }

    [Fact]
    public void Map_HealthChanges_IsTheSameRegistration()
    {
        var hashes = Enum.GetValues<HealthState>().Select(state => Assert.Single(Registrations(WithHealth(state))).Meta![InstanceMeta.Checks]);

        Assert.Single(hashes.Distinct());
    }

    [Theory]
    [InlineData(null, false, "", "passing")]
    [InlineData(nameof(HealthState.Healthy), false, "", "passing")]
    [InlineData(nameof(HealthState.Starting), false, "", "critical")]
    [InlineData(nameof(HealthState.Unhealthy), false, "", "critical")]
    [InlineData(nameof(HealthState.Unhealthy), false, "SERVICE_CHECK_HEALTHCHECK=no", "passing")]
    [InlineData(null, true, "", "critical")]
    public void Map_Ttl_BeatsAsLongAsTheContainerIsWell(string? health, bool paused, string variable, string status)
    {
        var container = Beating with
        {
            IsPaused = paused,
            Env = [.. Beating.Env, variable],
            Health = health is null ? null : new ContainerHealth(Enum.Parse<HealthState>(health), ""),
        };

        var registration = Assert.Single(Registrations(container));

        Assert.Equal(status, Assert.Single(registration.Checks!, check => check.TTL == TimeSpan.FromSeconds(12)).Status!.Status);
    }

    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 1)]
    public void Plan_HeartbeatOfAHealthyContainer_IsDueInTimeInTheSameWords(int seconds, int reports)
    {
        var told = new Told(Now - TimeSpan.FromSeconds(seconds), "");

        var plan = Plan([Beating], [Actual(Heartbeat, "passing", "")], told);

        Assert.Equal(reports, plan.Reports.Count);
        Assert.All(plan.Reports, report => Assert.Equal((HealthStatus.Passing, ""), (report.Status, report.Output)));
        Assert.Equal(told.At + TimeSpan.FromSeconds(4), CheckPlanner.DueOf(Assert.Single(plan.Kept), told));
    }

    [Theory]
    [InlineData(400, 0)]
    [InlineData(500, 1)]
    public void Plan_ToldWithItsRegistrationOnly_IsDueAMomentLaterAndEarlierTogetherWithOthers(int milliseconds, int reports)
    {
        var told = new Told(Now - TimeSpan.FromMilliseconds(milliseconds), "", IsKept: false);

        var plan = Plan([Beating], [Actual(Heartbeat, "passing", "")], told);

        Assert.Equal(reports, plan.Reports.Count);
        Assert.Equal(told.At + TimeSpan.FromSeconds(1), CheckPlanner.DueOf(Assert.Single(plan.Kept), told));
    }

    [Fact]
    public void Plan_HeartbeatAfterARestartOfTheSidecar_RepeatsWhatTheAgentHas()
    {
        var report = Assert.Single(Plan([Beating], [Actual(Heartbeat, "passing", "as before")], told: null).Reports);

        Assert.Equal("as before", report.Output);
    }

    [Fact]
    public void Plan_TtlRanOut_IsToldAtOnce() =>
        Assert.Equal(HealthStatus.Passing, Assert.Single(Plan([Beating], [Actual(Heartbeat, "critical", "TTL expired")], new Told(Now, "")).Reports).Status);

    [Theory]
    [InlineData(nameof(HealthState.Healthy), "passing", "old", 0)]
    [InlineData(nameof(HealthState.Healthy), "critical", "old", 1)]
    [InlineData(nameof(HealthState.Unhealthy), "passing", "old", 1)]
    [InlineData(nameof(HealthState.Unhealthy), "critical", "", 1)]
    public void Plan_Healthcheck_IsToldWhenItsStatusDiffersOrNothingWasSaidYet(string state, string actual, string output, int reports)
    {
        var plan = Plan([WithHealth(Enum.Parse<HealthState>(state))], [Actual(Mirror, actual, output)], new Told(Now, ""));

        Assert.Equal(reports, plan.Reports.Count);
        Assert.All(plan.Reports, report => Assert.Equal("said", report.Output));
    }

    [Fact]
    public void Plan_AgentThatKeepsNoOutput_IsToldOnce() =>
        Assert.Empty(Plan([WithHealth(HealthState.Unhealthy)], [Actual(Mirror, "critical", "")], new Told(Now, "said")).Reports);

    [Fact]
    public void Plan_EndedContainerWhoseRegistrationStays_IsNotHealthyAnyMore()
    {
        var ended = new ContainerFate(ContainerState.Exited, WithHealth(HealthState.Healthy) with { IsRunning = false });

        Assert.Equal(HealthStatus.Critical, Assert.Single(Plan([], [Actual(Mirror, "passing", "")], null, ended).Reports).Status);
        Assert.Empty(Plan([], [Actual(Mirror, "critical", "")], null, ended).Reports);
        Assert.Equal(Heartbeat, Assert.Single(Plan([], [Actual(Heartbeat, "passing", "", ReportedCheck.HeartbeatNotes)], null, ended).Reports).CheckId);
        Assert.Empty(Plan([], [Actual(Heartbeat, "passing", "", "the application's own")], null, ended).Reports);
        Assert.Single(Plan([], [Actual(Mirror, "passing", "")], null, new ContainerFate(ContainerState.Ended)).Reports);
        Assert.Empty(Plan([], [Actual(Mirror, "passing", "")], null, new ContainerFate(ContainerState.Unknown)).Reports);
    }

    [Fact]
    public void Plan_CheckThatTheAgentLacks_IsNotTold() => Assert.Empty(Plan([Beating], [], told: null).Reports);

    [Fact]
    public void Plan_CheckThatIsAnotherServices_IsNotTold()
    {
        var anothers = new AgentCheck { CheckID = Heartbeat, ServiceID = "other", Status = HealthStatus.Critical };

        Assert.Empty(Plan([Beating], [anothers], told: null).Reports);
    }

    [Theory]
    [InlineData(true, null, "pause")]
    [InlineData(true, CheckPlanner.PauseReason, "")]
    [InlineData(true, "an operator's", "")]
    [InlineData(false, null, "")]
    [InlineData(false, CheckPlanner.PauseReason, "resume")]
    [InlineData(false, "an operator's", "")]
    public void Plan_Pause_IsMaintenanceAndAnOperatorsStays(bool paused, string? reason, string expected)
    {
        var checks = reason is null ? [] : new[] { Actual("_service_maintenance:h1:web:80", "critical", "", reason) };

        var plan = Plan([Beating with { IsPaused = paused }], checks, new Told(Now, ""));

        Assert.Equal(expected == "pause" ? ["h1:web:80"] : [], plan.Pause);
        Assert.Equal(expected == "resume" ? ["h1:web:80"] : [], plan.Resume);
    }

    [Fact]
    public void Plan_IdThatAnotherHas_IsNotSpokenFor()
    {
        var loser = Beating with { Id = IdOf("loser"), IsPaused = true };

        var plan = Plan([Beating], [Actual(Heartbeat, "passing", "")], null, null, loser);

        Assert.Empty(plan.Reports);
        Assert.Empty(plan.Pause);
    }

    private static ContainerFacts WithHealth(HealthState state) =>
        Container("nginx", "web", ["80/tcp=8080"]) with { Health = new ContainerHealth(state, "said") };

    private static AgentCheck Actual(string id, string status, string output, string notes = "") =>
        new() { CheckID = id, ServiceID = "h1:web:80", Status = HealthStatus.Parse(status), Output = output, Notes = notes };

    /// <param name="registered">The containers that the agent has.</param>
    /// <param name="checks">The checks that the agent has.</param>
    /// <param name="told">What was told last.</param>
    /// <param name="fate">What became of any container.</param>
    /// <param name="instead">The container that is desired, if it is another.</param>
    private static CheckPlan Plan(ContainerFacts[] registered, AgentCheck[] checks, Told? told, ContainerFate? fate = null, ContainerFacts? instead = null)
    {
        var desired = new DesiredState();
        desired.Update(instead is null ? registered : [instead], Context());
        var held = registered.Length > 0 ? registered[0] : WithHealth(HealthState.Healthy);
        var service = new AgentService { ID = "h1:web:80", Meta = new Dictionary<string, string>(Assert.Single(Registrations(held)).Meta!) };
        return CheckPlanner.Plan(new CheckInput(
            desired.Instances,
            new Dictionary<string, AgentService> { [service.ID] = service },
            checks.ToDictionary(check => check.CheckID),
            new Ownership(Given.Node, "mesh"),
            _ => fate ?? new ContainerFate(ContainerState.Running),
            _ => told,
            Now));
    }
}
