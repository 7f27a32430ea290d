using System.Net;
using Consul;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed partial class AgentWriterTests : IDisposable
{
    private static readonly HashSet<string> Nobody = [];

    private readonly FakeTimeProvider time = new();
    private readonly IConsulClient consul = Substitute.For<IConsulClient>();
    private readonly GivenOperation.Meters meters = new();
    private readonly ToldLines<AgentWriter> log = new();
    private readonly AgentState agent;
    private readonly AgentWriter writer;

    public AgentWriterTests()
    {
        consul.Agent.Self(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, Dictionary<string, System.Text.Json.JsonElement>>> { Response = [] });
        consul.Agent.Services(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, AgentService>> { Response = [] });
        consul.Agent.Checks(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, AgentCheck>> { Response = [] });
        agent = new AgentState(consul);
        writer = new AgentWriter(agent, new RetryLedger(time), GivenOperation.Metrics(time, meters), log);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => meters.Dispose();

    [Fact]
    public async Task ApplyAsync_OneOfTwoFails_TheOtherIsRegisteredAndItIsRetriedAlone()
    {
        await agent.ReadAsync(Ct);
        Fails("one", HttpStatusCode.InternalServerError);

        await writer.ApplyAsync(Plan("one", "two"), Nobody, Ct);
        await writer.ApplyAsync(Plan("one"), Nobody, Ct);
        await AssertCallsAsync("one", 1);
        await AssertCallsAsync("two", 1);
        Assert.False(agent.IsKnown);

        time.Advance(Backoff.Longest);
        await writer.ApplyAsync(Plan("one"), Nobody, Ct);
        await AssertCallsAsync("one", 2);
    }

    [Fact]
    public async Task ApplyAsync_ConsulRefuses_WhatTheAgentHasStaysKnown()
    {
        await agent.ReadAsync(Ct);
        Fails("one", HttpStatusCode.BadRequest);

        await writer.ApplyAsync(Plan("one", "two"), Nobody, Ct);

        Assert.True(agent.IsKnown);
        Assert.Equal(["two"], agent.Services.Keys);
    }

    [Fact]
    public async Task ApplyAsync_NobodyAnswers_IsGivenUpAfterAFewAndTheRestIsLeftForTheNextPass()
    {
        await agent.ReadAsync(Ct);
        consul.Agent.ServiceRegister(Arg.Any<AgentServiceRegistration>(), Arg.Any<bool>(), Arg.Any<CancellationToken>())
            .ThrowsAsync(new ConsulRequestException("no answer", ConsulFault.Timeout, inner: null));
        var ids = Enumerable.Range(0, 200).Select(number => $"s{number}").ToArray();

        await writer.ApplyAsync(Plan(ids), Nobody, Ct);

        var asked = consul.Agent.ReceivedCalls().Count(call => call.GetMethodInfo().Name == nameof(IAgentEndpoint.ServiceRegister));
        Assert.InRange(asked, Calls.AtATime, 2 * Calls.AtATime);
        Assert.False(agent.IsKnown);
    }

    [Fact]
    public async Task ApplyAsync_Deregistered_IsForgotten()
    {
        await agent.ReadAsync(Ct);
        await writer.ApplyAsync(Plan("one"), Nobody, Ct);

        await writer.ApplyAsync(new RegistrationPlan([], ["one"], []), Nobody, Ct);

        Assert.Empty(agent.Services);
        await consul.Agent.Received(1).ServiceDeregister("one", Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task ApplyAsync_IdOfAnotherContainer_GoesBeforeItComes()
    {
        await agent.ReadAsync(Ct);
        var takeover = Plan("one").Register[0] with { IsTakeover = true };

        await writer.ApplyAsync(new RegistrationPlan([takeover], [], []), Nobody, Ct);

        Received.InOrder(() =>
        {
            _ = consul.Agent.ServiceDeregister("one", Arg.Any<CancellationToken>());
            _ = consul.Agent.ServiceRegister(takeover.Registration, false, Arg.Any<CancellationToken>());
        });
        Assert.Equal(["one"], agent.Services.Keys);
    }

    [Fact]
    public async Task ApplyAsync_StaleCheck_GoesAfterTheRegistrationAndTheMaintenanceStays()
    {
        await HasAsync("mesh:tcp:one", "_service_maintenance:one");
        var registering = Plan("one").Register[0] with { StaleChecks = ["mesh:tcp:one"] };

        await writer.ApplyAsync(new RegistrationPlan([registering], [], []), Nobody, Ct);

        Received.InOrder(() =>
        {
            _ = consul.Agent.ServiceRegister(registering.Registration, false, Arg.Any<CancellationToken>());
            _ = consul.Agent.CheckDeregister("mesh:tcp:one", Arg.Any<CancellationToken>());
        });
        Assert.Equal(["_service_maintenance:one"], agent.Checks.Keys);
    }

    [Fact]
    public async Task ApplyAsync_StaleCheckCannotBeRemoved_IsKnownStill()
    {
        await HasAsync("mesh:tcp:one");
        consul.Agent.CheckDeregister(Arg.Any<string>(), Arg.Any<CancellationToken>()).ThrowsAsync(new ConsulRequestException("no", HttpStatusCode.Forbidden));

        await writer.ApplyAsync(new RegistrationPlan([Plan("one").Register[0] with { StaleChecks = ["mesh:tcp:one"] }], [], []), Nobody, Ct);

        Assert.Equal(["mesh:tcp:one"], agent.Checks.Keys);
    }

    [Theory]
    [InlineData(HttpStatusCode.NotFound, false)]
    [InlineData(HttpStatusCode.BadRequest, true)]
    public async Task TellAsync_CheckThatTheAgentLacks_IsNotBelievedToBeThereAnyLonger(HttpStatusCode status, bool isKnown)
    {
        await HasAsync("mesh:ttl:one");
        var report = new ReportedCheck("one", "mesh:ttl:one", TimeSpan.FromSeconds(9), HealthStatus.Passing, "");
        consul.Agent.UpdateTTL(report.CheckId, Arg.Any<string?>(), Arg.Any<TTLStatus>(), Arg.Any<CancellationToken>())
            .ThrowsAsync(new ConsulRequestException("Unknown check ID", status));

        await writer.TellAsync(new CheckPlan([report], [], [], []), [report], Ct);

        Assert.Equal(isKnown, agent.IsKnown);
    }

    [Fact]
    public async Task TellAsync_OneIdTwice_IsToldOnce()
    {
        await agent.ReadAsync(Ct);
        var report = new ReportedCheck("one", "mesh:ttl:one", TimeSpan.FromSeconds(9), HealthStatus.Passing, "");

        await writer.TellAsync(new CheckPlan([report, report], ["one", "one"], [], []), [report, report], Ct);

        await consul.Agent.Received(1).EnableServiceMaintenance("one", CheckPlanner.PauseReason, Arg.Any<CancellationToken>());
        await consul.Agent.Received(1).UpdateTTL("mesh:ttl:one", "", TTLStatus.Pass, Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task TellAsync_NothingSucceeds_EachFailureIsCountedOnce()
    {
        await agent.ReadAsync(Ct);
        var refused = new ConsulRequestException("no", HttpStatusCode.Forbidden);
        consul.Agent.UpdateTTL(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<TTLStatus>(), Arg.Any<CancellationToken>()).ThrowsAsync(refused);
        consul.Agent.EnableServiceMaintenance(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<CancellationToken>()).ThrowsAsync(refused);
        consul.Agent.Checks(Arg.Any<CancellationToken>()).ThrowsAsync(refused);
        Fails("one", HttpStatusCode.Forbidden);
        var report = new ReportedCheck("one", "mesh:ttl:one", TimeSpan.FromSeconds(9), HealthStatus.Passing, "");

        await writer.ApplyAsync(Plan("one"), Nobody, Ct);
        await writer.TellAsync(new CheckPlan([report], ["two"], ["three"], []), [report], Ct);

        Assert.Equal(4, GivenOperation.Failures(meters, "consul_forbidden"));
    }

    [Fact]
    public async Task RemoveAllAsync_TimeIsOver_TellsHowMuchIsLeft()
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        consul.Agent.Services(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, AgentService>> { Response = new() { ["one"] = Owned("one"), ["two"] = Owned("two") } });
        consul.Agent.ServiceDeregister("two", Arg.Any<CancellationToken>()).Returns<Task<WriteResult>>(async call =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, call.Arg<CancellationToken>());
            return new WriteResult();
        });

        var removing = writer.RemoveAllAsync(new Ownership("h1", "mesh"), end.Token);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (!log.Lines.Any(line => line.Contains("Deregistered one", StringComparison.Ordinal)))
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);
        await end.CancelAsync();
        await removing;

        Assert.Equal("1 of this node's 2 registrations could not be removed: the time was over", log.Lines.Last());
    }

    [Fact]
    public async Task RemoveAllAsync_AnswerThatCommandsATerminal_IsShownAsOneShortLine()
    {
        var hostile = new ConsulRequestException("502: \u001b[2J\n" + new string('x', 3000), HttpStatusCode.BadGateway);
        consul.Agent.Services(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, AgentService>> { Response = new() { ["one"] = Owned("one") } });
        consul.Agent.ServiceDeregister(Arg.Any<string>(), Arg.Any<CancellationToken>()).ThrowsAsync(hostile);
        await writer.RemoveAllAsync(new Ownership("h1", "mesh"), Ct);
        consul.Agent.Self(Arg.Any<CancellationToken>()).ThrowsAsync(hostile);
        await writer.RemoveAllAsync(new Ownership("h1", "mesh"), Ct);

        Assert.Equal(2, log.Lines.Count);
        Assert.All(log.Lines, line => Assert.True(line.Length < 700 && !line.Any(char.IsControl), line));
    }

    private static AgentService Owned(string id, string container = "") => new()
    {
        ID = id,
        Meta = new Dictionary<string, string> { [InstanceMeta.Owner] = "h1", [InstanceMeta.Environment] = "mesh", [InstanceMeta.Container] = container },
    };

    private static RegistrationPlan Plan(params string[] ids) => new(
        [.. ids.Select(id => new Registering(new AgentServiceRegistration { ID = id, Name = id, Address = "a", Tags = [], Meta = new Dictionary<string, string>() }, StaleChecks: []))],
        [],
        []);

    /// <summary>The agent has these checks of the service.</summary>
    private Task HasAsync(params string[] checks)
    {
        consul.Agent.Checks(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, AgentCheck>>
        {
            Response = checks.ToDictionary(id => id, id => new AgentCheck { CheckID = id, ServiceID = "one" }),
        });
        return agent.ReadAsync(Ct);
    }

    private void Fails(string id, HttpStatusCode status) =>
        consul.Agent.ServiceRegister(Arg.Is<AgentServiceRegistration>(one => one.ID == id), Arg.Any<bool>(), Arg.Any<CancellationToken>())
            .ThrowsAsync(new ConsulRequestException("no", status));

    private Task AssertCallsAsync(string id, int calls) => consul.Agent.Received(calls)
        .ServiceRegister(Arg.Is<AgentServiceRegistration>(one => one.ID == id), Arg.Any<bool>(), Arg.Any<CancellationToken>());
}
