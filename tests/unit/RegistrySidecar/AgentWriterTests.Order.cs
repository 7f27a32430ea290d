using System.Net;
using Consul;
using NSubstitute;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Which writes come first where a pass does not make all of them.</summary>
public sealed partial class AgentWriterTests
{
    [Fact]
    public async Task ApplyAsync_LongPlan_IsWrittenInPartsAndWhatIsAwaitedFirst()
    {
        await agent.ReadAsync(Ct);
        var plan = Plan([.. Enumerable.Range(0, AgentWriter.AtOnce + 1).Select(number => $"s{number}"), "awaited"]);
        plan.Register[^1].Registration.Meta![InstanceMeta.Container] = new string('a', 64);

        await writer.ApplyAsync(plan, new HashSet<string> { new('a', 64) }, Ct);
        Assert.Equal((AgentWriter.AtOnce, true, true), (agent.Services.Count, agent.Services.ContainsKey("awaited"), writer.HasMore));

        await writer.ApplyAsync(plan with { Register = [.. plan.Register.Where(one => !agent.Services.ContainsKey(one.Registration.ID!))] }, Nobody, Ct);
        Assert.Equal((AgentWriter.AtOnce + 2, false), (agent.Services.Count, writer.HasMore));
    }

    [Fact]
    public async Task ApplyAsync_OneOfALongPlanFails_TheRestFollowsAtOnce()
    {
        await agent.ReadAsync(Ct);
        Fails("s0", HttpStatusCode.InternalServerError);

        await writer.ApplyAsync(Plan([.. Enumerable.Range(0, AgentWriter.AtOnce + 1).Select(number => $"s{number}")]), Nobody, Ct);

        Assert.Equal((false, true), (agent.IsKnown, writer.HasMore));
    }

    [Fact]
    public async Task ApplyAsync_EveryContainerHasAnotherId_NoneIsWithoutARegistration()
    {
        var ids = Enumerable.Range(0, AgentWriter.AtOnce + 1).Select(number => $"s{number}").ToList();
        var registered = ids.Select(id => Owned("old " + id, Given.IdOf(id))).ToDictionary(service => service.ID);
        consul.Agent.Services(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, AgentService>> { Response = registered });
        await agent.ReadAsync(Ct);
        var plan = Plan([.. ids]) with { Deregister = [.. registered.Keys] };
        foreach (var one in plan.Register)
            one.Registration.Meta![InstanceMeta.Container] = Given.IdOf(one.Registration.ID!);

        await writer.ApplyAsync(plan, Nobody, Ct);

        Assert.Equal(AgentWriter.AtOnce, agent.Services.Count(service => ids.Contains(service.Key)));
        Assert.Equal(ids.Select(Given.IdOf).Order(), agent.Services.Values.Select(Ownership.ContainerOf).Distinct().Order());
    }

    [Fact]
    public async Task ApplyAsync_ContainerHasAnotherId_TheOldOneLeavesWhenTheNewOneIsThere()
    {
        consul.Agent.Services(Arg.Any<CancellationToken>())
            .Returns(new QueryResult<Dictionary<string, AgentService>>
            {
                Response = new() { ["old"] = Owned("old", Given.IdOf("one")), ["dead"] = Owned("dead", Given.IdOf("one")) },
            });
        await agent.ReadAsync(Ct);
        // Nothing comes at that port.
        agent.Services["dead"].Port = 1;
        var plan = Plan("new") with { Deregister = ["old", "dead"] };
        plan.Register[0].Registration.Meta![InstanceMeta.Container] = Given.IdOf("one");
        Fails("new", HttpStatusCode.BadRequest);

        await writer.ApplyAsync(plan, Nobody, Ct);
        Assert.Equal("old", Assert.Single(agent.Services.Keys));
        plan = plan with { Deregister = ["old"] };
        await writer.ApplyAsync(plan, Nobody, Ct);
        Assert.Equal((false, "old"), (writer.HasMore, Assert.Single(agent.Services.Keys)));

        consul.Agent.ServiceRegister(Arg.Any<AgentServiceRegistration>(), Arg.Any<bool>(), Arg.Any<CancellationToken>()).Returns(new WriteResult());
        time.Advance(Backoff.Longest);
        await writer.ApplyAsync(plan, Nobody, Ct);
        Assert.Equal((true, "new, old"), (writer.HasMore, string.Join(", ", agent.Services.Keys.Order(StringComparer.Ordinal))));

        await writer.ApplyAsync(plan with { Register = [] }, Nobody, Ct);
        Assert.Equal((false, "new"), (writer.HasMore, Assert.Single(agent.Services.Keys)));
    }

    [Fact]
    public async Task ApplyAsync_AwaitedContainerHasManyWrites_EveryAwaitedOneHasItsFirstAndItsOwnOrderStays()
    {
        var many = Enumerable.Range(0, AgentWriter.AtOnce).Select(number => $"s{number}").ToList();
        var registered = many.Select(id => Owned("old " + id, Given.IdOf("many"))).Append(Owned("old one", Given.IdOf("one"))).ToDictionary(service => service.ID);
        consul.Agent.Services(Arg.Any<CancellationToken>()).Returns(new QueryResult<Dictionary<string, AgentService>> { Response = registered });
        await agent.ReadAsync(Ct);
        var plan = Plan([.. many, "one", "other"]) with { Deregister = [.. registered.Keys] };
        foreach (var one in plan.Register)
            one.Registration.Meta![InstanceMeta.Container] = Given.IdOf(many.Contains(one.Registration.ID!) ? "many" : one.Registration.ID!);

        await writer.ApplyAsync(plan, new HashSet<string> { Given.IdOf("many"), Given.IdOf("one"), Given.IdOf("other") }, Ct);

        Assert.Equal((true, true), (agent.Services.ContainsKey("one"), agent.Services.ContainsKey("other")));
        // Theirs are two writes.
        Assert.Equal(AgentWriter.AtOnce - 2, agent.Services.Keys.Count(many.Contains));
        Assert.Equal(registered.Keys.Order(), agent.Services.Keys.Where(registered.ContainsKey).Order());
    }
}
