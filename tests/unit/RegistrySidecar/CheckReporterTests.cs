using System.Net;
using System.Text.Json;
using Consul;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>The sidecar's own checks over time, against an agent that may fail.</summary>
public sealed class CheckReporterTests
{
    private static readonly Ownership Owner = new(Given.Node, "mesh");

    private readonly FakeTimeProvider time = new();
    private readonly IConsulClient consul = Substitute.For<IConsulClient>();
    private readonly AgentState agent;
    private readonly AgentWriter writer;
    private readonly RetryLedger retries;
    private readonly CheckReporter reporter;
    private readonly DesiredState desired = new();
    private readonly ToldLines<AgentWriter> log = new();
    private AgentCheck? maintenance;
    private ContainerFate fate = new(ContainerState.Running);
    private bool isLost;

    public CheckReporterTests()
    {
        consul.Agent.Self(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, Dictionary<string, JsonElement>>> { Response = [] });
        consul.Agent.Services(Arg.Any<CancellationToken>()).Returns(_ => new QueryResult<Dictionary<string, AgentService>> { Response = isLost ? [] : new(agent!.Services) });
        consul.Agent.Checks(Arg.Any<CancellationToken>()).Returns(_ => new QueryResult<Dictionary<string, AgentCheck>> { Response = isLost ? [] : Checks() });
        consul.Agent.EnableServiceMaintenance(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<CancellationToken>())
            .Returns(new WriteResult())
            .AndDoes(call => maintenance ??= isLost ? null : Maintenance(call.ArgAt<string>(1)));
        consul.Agent.DisableServiceMaintenance(Arg.Any<string>(), Arg.Any<CancellationToken>())
            .Returns(new WriteResult())
            .AndDoes(_ => maintenance = null);
        retries = new RetryLedger(time);
        agent = new AgentState(consul);
        writer = new AgentWriter(agent, retries, GivenOperation.Metrics(time), log);
        reporter = new CheckReporter(agent, writer, retries, time);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ReportAsync_JustRegistered_IsToldAMomentLaterAndThenAfterAThirdOfTheTtl()
    {
        await PassAsync(Beating(1));
        await AssertToldAsync(0);
        Assert.Equal(time.Steady() + TimeSpan.FromSeconds(1), reporter.NextDue);

        time.Advance(TimeSpan.FromSeconds(1));
        await PassAsync(Beating(1));
        await PassAsync(Beating(1));

        await consul.Agent.Received(1).UpdateTTL("service:h1:c0:80", "", TTLStatus.Pass, Arg.Any<CancellationToken>());
        await AssertToldAsync(1);
        Assert.Equal(time.Steady() + TimeSpan.FromSeconds(4), reporter.NextDue);

        time.Advance(TimeSpan.FromSeconds(4));
        await PassAsync(Beating(1));

        await AssertToldAsync(2);
        Assert.Equal(time.Steady() + TimeSpan.FromSeconds(4), reporter.NextDue);
    }

    [Fact]
    public async Task ReportAsync_AgentLostItsData_IsToldAgainAMomentAfterTheNextRegistration()
    {
        var well = Container("nginx", "web", ["80/tcp=8080"]) with { Health = new ContainerHealth(HealthState.Healthy, "") };
        await PassAsync(well);
        time.Advance(TimeSpan.FromSeconds(1));
        await PassAsync(well);
        await AssertToldAsync(1);

        isLost = true;
        agent.Forget();
        await PassAsync(well);
        isLost = false;
        time.Advance(TimeSpan.FromSeconds(1));
        await PassAsync(well);

        await AssertToldAsync(2);
    }

    [Fact]
    public async Task ReportAsync_RegisteredAgainWithItsChecks_IsToldInItsTime()
    {
        var container = Beating(1)[0];
        await PassAsync(container);
        time.Advance(TimeSpan.FromSeconds(1));
        await PassAsync(container);

        await PassAsync(container with { ImageDigest = "sha256:5678" });
        time.Advance(TimeSpan.FromSeconds(1));
        await PassAsync(container with { ImageDigest = "sha256:5678" });

        await AssertToldAsync(1);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("SERVICE_CHECK_TTL_HEARTBEAT=false", false)]
    public async Task ReportAsync_EndedContainerWhoseRegistrationStays_DoesNotBeatAnyMore(string variable, bool isTold)
    {
        var container = Beating(1)[0];
        await PassAsync(container with { Env = [.. container.Env, variable] });

        fate = new ContainerFate(ContainerState.Absent);
        await PassAsync();

        await consul.Agent.Received(isTold ? 1 : 0).UpdateTTL("service:h1:c0:80", "The container has ended.", TTLStatus.Critical, Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task ReportAsync_PausedAndDeregisteredBySomebody_IsNotToldAsPausedAndTheAgentIsReadAgain()
    {
        var container = Beating(1)[0];
        await PassAsync(container);
        isLost = true;

        await PassAsync(container with { IsPaused = true });

        Assert.False(agent.IsKnown);
        Assert.DoesNotContain(log.Lines, line => line.Contains("Paused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ReportAsync_OneIsDue_ThoseThatAreNearlyDueGoAlong()
    {
        await PassAsync(Beating(1));
        time.Advance(TimeSpan.FromSeconds(0.4));
        await PassAsync(Beating(2));

        time.Advance(TimeSpan.FromSeconds(0.6));
        await PassAsync(Beating(2));

        await AssertToldAsync(2);
    }

    [Fact]
    public async Task ReportAsync_ManyAreDue_AreToldInPartsOneAfterTheOther()
    {
        await PassAsync(Beating(70));
        time.Advance(TimeSpan.FromSeconds(5));

        await PassAsync(Beating(70));
        await AssertToldAsync(32);
        Assert.Equal(time.Steady(), reporter.NextDue);
        await PassAsync(Beating(70));
        await PassAsync(Beating(70));

        await AssertToldAsync(70);
        Assert.Equal(time.Steady() + TimeSpan.FromSeconds(4), reporter.NextDue);
    }

    [Fact]
    public async Task ReportAsync_WriteFails_IsTriedAgainByItsBackoffWithoutABusyLoop()
    {
        await PassAsync(Beating(1));
        consul.Agent.UpdateTTL(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<TTLStatus>(), Arg.Any<CancellationToken>())
            .ThrowsAsync(new ConsulRequestException("no", HttpStatusCode.InternalServerError));
        time.Advance(TimeSpan.FromSeconds(4));
        await PassAsync(Beating(1));
        await PassAsync(Beating(1));
        await AssertToldAsync(1);
        Assert.Null(reporter.NextDue);
        Assert.NotNull(retries.NextDue);

        time.Advance(Backoff.Longest);
        await PassAsync(Beating(1));
        await AssertToldAsync(2);
    }

    [Fact]
    public async Task ReportAsync_AgentHangs_WhatWasLeftBecauseOfThatIsToldTogetherWithWhatFailed()
    {
        await PassAsync(Beating(30));
        time.Advance(TimeSpan.FromSeconds(5));
        consul.Agent.UpdateTTL(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<TTLStatus>(), Arg.Any<CancellationToken>())
            .ThrowsAsync(new ConsulRequestException("no answer", ConsulFault.Timeout, inner: null));
        await PassAsync(Beating(30));
        Assert.False(reporter.NextDue <= time.Steady());

        consul.Agent.UpdateTTL(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<TTLStatus>(), Arg.Any<CancellationToken>()).Returns(new WriteResult());
        consul.Agent.ClearReceivedCalls();
        time.Advance(Backoff.First);
        await PassAsync(Beating(30));

        await AssertToldAsync(30);
    }

    [Fact]
    public async Task ReportAsync_ContainerIsPausedAndGoesOn_IsToldOnceEach()
    {
        var container = Beating(1)[0];
        await PassAsync(container);

        await PassAsync(container with { IsPaused = true });
        await PassAsync(container with { IsPaused = true });
        await PassAsync(container);
        await PassAsync(container);

        await consul.Agent.Received(1).EnableServiceMaintenance("h1:c0:80", CheckPlanner.PauseReason, Arg.Any<CancellationToken>());
        await consul.Agent.Received(1).DisableServiceMaintenance("h1:c0:80", Arg.Any<CancellationToken>());
        await AssertToldAsync(2);
    }

    [Fact]
    public async Task ReportAsync_OperatorWasThereUnseen_HisMaintenanceStays()
    {
        var container = Beating(1)[0];
        await PassAsync(container);
        maintenance = Maintenance("by hand");

        await PassAsync(container with { IsPaused = true });
        await PassAsync(container);

        await consul.Agent.DidNotReceive().DisableServiceMaintenance(Arg.Any<string>(), Arg.Any<CancellationToken>());
    }

    private static AgentCheck Maintenance(string reason) => new() { CheckID = "_service_maintenance:h1:c0:80", ServiceID = "h1:c0:80", Notes = reason };

    private Dictionary<string, AgentCheck> Checks()
    {
        var checks = agent.Checks.Where(check => !check.Key.StartsWith('_')).ToDictionary();
        if (maintenance is not null)
            checks[maintenance.CheckID] = maintenance;
        return checks;
    }

    private static ContainerFacts[] Beating(int count) =>
        [.. Enumerable.Range(0, count).Select(number => Container("nginx", $"c{number}", [$"80/tcp={8000 + number}"], ["SERVICE_CHECK_TTL=12s"]))];

    /// <summary>A pass as the reconciler makes it.</summary>
    private async Task PassAsync(params ContainerFacts[] running)
    {
        if (!agent.IsKnown)
            await agent.ReadAsync(Ct);
        desired.Update(running, Context());
        RegistrationPlan plan;
        do
        {
            plan = RegistrationPlanner.Plan(new PlanInput(
                desired.Instances, agent.Services, agent.Checks, Owner, DeregisterPolicy.Never, _ => fate, _ => true));
            await writer.ApplyAsync(plan, new HashSet<string>(), Ct);
        }
        while (writer.HasMore);
        await reporter.ReportAsync(plan.Wanted, Owner, _ => fate, Ct);
    }

    private Task AssertToldAsync(int times) =>
        consul.Agent.Received(times).UpdateTTL(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<TTLStatus>(), Arg.Any<CancellationToken>());
}
