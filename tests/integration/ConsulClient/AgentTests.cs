using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class AgentTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IAgentEndpoint Agent => consul.Client.Agent;

    [Fact]
    public async Task Self_DevelopmentAgent_TellsItsNode()
    {
        var self = (await Agent.Self(Ct)).Response;

        Assert.Equal(self["Config"]["NodeName"].GetString(), await Agent.GetNodeName(Ct));
        Assert.NotEmpty(self["Member"]);
    }

    [Fact]
    public async Task ServiceRegister_EveryField_IsReadBack()
    {
        var name = ConsulFixture.Unique("svc");
        await Agent.ServiceRegister(
            new AgentServiceRegistration
            {
                ID = $"h1:{name}:80",
                Name = name,
                Tags = ["candidate", "ünï"],
                Port = 8080,
                Address = "192.0.2.1",
                EnableTagOverride = true,
                Meta = new Dictionary<string, string>(StringComparer.Ordinal) { ["mesh-owner"] = "h1" },
                Weights = new AgentWeights { Passing = 5, Warning = 2 },
            },
            Ct);

        var services = await Agent.Services(new QueryOptions { Filter = $"Service == \"{name}\"" }, Ct);

        var (id, service) = Assert.Single(services.Response);
        Assert.Equal($"h1:{name}:80", id);
        Assert.Equal(id, service.ID);
        Assert.Equal(name, service.Service);
        Assert.Equal(["candidate", "ünï"], service.Tags);
        Assert.Equal(("192.0.2.1", 8080), (service.Address, service.Port));
        Assert.True(service.EnableTagOverride);
        Assert.Equal("h1", service.Meta["mesh-owner"]);
        Assert.Equal((5, 2), (service.Weights?.Passing, service.Weights?.Warning));
        await Agent.ServiceDeregister(id, Ct);
    }

    [Fact]
    public async Task ServiceRegister_Bare_HasEmptyLists()
    {
        var name = ConsulFixture.Unique("svc");
        await Agent.ServiceRegister(new AgentServiceRegistration { Name = name }, Ct);

        var service = (await Agent.Services(Ct)).Response[name];

        Assert.Empty(service.Tags);
        Assert.Empty(service.Meta);
        Assert.Equal(0, service.Port);
        await Agent.ServiceDeregister(name, Ct);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("host:name:80:udp")]
    [InlineData("with space%?#")]
    public async Task ServiceDeregister_OddId_RemovesThatOne(string odd)
    {
        var name = ConsulFixture.Unique("svc");
        var id = $"{name}-{odd}";
        await Agent.ServiceRegister(new AgentServiceRegistration { ID = id, Name = name }, Ct);
        Assert.Contains(id, (await Agent.Services(Ct)).Response.Keys);

        await Agent.ServiceDeregister(id, Ct);

        Assert.DoesNotContain(id, (await Agent.Services(Ct)).Response.Keys);
    }

    [Fact]
    public async Task ServiceDeregister_NoId_IsRefusedHere() =>
        await Assert.ThrowsAsync<ArgumentException>(() => Agent.ServiceDeregister("", Ct));

    [Fact]
    public async Task ServiceRegister_WithoutAName_IsRejectedWithConsulsReason()
    {
        var failure = await Assert.ThrowsAsync<ConsulRequestException>(
            () => Agent.ServiceRegister(new AgentServiceRegistration { ID = "nameless" }, Ct));

        Assert.Equal(ConsulFault.Rejected, failure.Fault);
        Assert.Contains("/v1/agent/service/register: 400 Bad Request: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("name", failure.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task EnableServiceMaintenance_ThenDisable_ShowsInHealth()
    {
        var name = ConsulFixture.Unique("svc");
        await Agent.ServiceRegister(new AgentServiceRegistration { Name = name }, Ct);

        await Agent.EnableServiceMaintenance(name, "a reason with ünicode & signs", Ct);
        var entries = await HealthUntil(name, entry => entry.Checks.AggregatedStatus() == HealthStatus.Maintenance);
        var check = Assert.Single(entries[0].Checks, check => check.ServiceID == name);
        Assert.Equal("a reason with ünicode & signs", check.Notes);

        await Agent.DisableServiceMaintenance(name, Ct);
        await HealthUntil(name, entry => entry.Checks.AggregatedStatus() == HealthStatus.Passing);
        await Agent.ServiceDeregister(name, Ct);
    }

    [Fact]
    public async Task EnableServiceMaintenance_UnknownService_Is404()
    {
        var result = await Agent.EnableServiceMaintenance(ConsulFixture.Unique("none"), null, Ct);

        Assert.Equal(404, (int)result.StatusCode);
    }

    private Task<ServiceEntry[]> HealthUntil(string name, Func<ServiceEntry, bool> wanted) => ConsulFixture.Until(
        (options, ct) => consul.Client.Health.Service(name, null, false, options, ct),
        entries => entries is [var entry] && wanted(entry));
}
