using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class HealthTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IHealthEndpoint Health => consul.Client.Health;

    [Fact]
    public async Task Service_TagAndPassing_NarrowTheInstances()
    {
        var name = await RegisterTwo();

        var all = await ConsulFixture.Until(
            (options, ct) => Health.Service(name, null, false, options, ct), found => found.Length == 2);
        var active = (await Health.Service(name, "active", Ct)).Response;
        var passing = (await Health.Service(name, null, passingOnly: true, Ct)).Response;

        Assert.Equal([$"{name}-1", $"{name}-2"], all.Select(entry => entry.Service.ID).Order(StringComparer.Ordinal));
        Assert.Equal($"{name}-1", Assert.Single(active).Service.ID);
        var entry = Assert.Single(passing);
        Assert.Equal($"{name}-1", entry.Service.ID);
        Assert.Equal(await consul.Client.Agent.GetNodeName(Ct), entry.Node.Name);
        Assert.NotEmpty(entry.Node.Address);
        Assert.Contains(entry.Checks, check => check.CheckID is "serfHealth");
        Assert.Equal(HealthStatus.Passing, entry.Checks.AggregatedStatus());
        await Deregister(name);
    }

    [Fact]
    public async Task Service_Unknown_IsEmptyWithAnIndex()
    {
        var found = await Health.Service(ConsulFixture.Unique("none"), Ct);

        Assert.Empty(found.Response);
        Assert.NotEqual(0UL, found.LastIndex);
    }

    [Fact]
    public async Task State_FilterOnTags_FindsTheServicesChecks()
    {
        var name = await RegisterTwo();
        var filter = $"ServiceTags contains \"active\" and ServiceName == \"{name}\"";

        var checks = await ConsulFixture.Until(
            (options, ct) => Health.State(HealthStatus.Any, Filtered(options, filter), ct), found => found.Length == 1);

        Assert.Equal(($"{name}-1", name), (checks[0].ServiceID, checks[0].ServiceName));
        Assert.Equal(["active"], checks[0].ServiceTags);
        Assert.DoesNotContain(
            (await Health.State(HealthStatus.Passing, Ct)).Response, check => check.ServiceID == $"{name}-2");
        await Deregister(name);
    }

    [Fact]
    public async Task Checks_OfAService_LeaveTheNodesOut()
    {
        var name = await RegisterTwo();

        var checks = await ConsulFixture.Until(
            (options, ct) => Health.Checks(name, options, ct), found => found.Length == 2);

        Assert.All(checks, check => Assert.Equal(name, check.ServiceName));
        await Deregister(name);
    }

    [Fact]
    public async Task Node_Unknown_IsEmpty() =>
        Assert.Empty((await Health.Node(ConsulFixture.Unique("none"), Ct)).Response);

    private static QueryOptions Filtered(QueryOptions options, string filter)
    {
        options.Filter = filter;
        return options;
    }

    private async Task<string> RegisterTwo()
    {
        var name = ConsulFixture.Unique("svc");
        await Register(name, "1", "active", HealthStatus.Passing);
        await Register(name, "2", "candidate", HealthStatus.Critical);
        return name;
    }

    private Task<WriteResult> Register(string name, string number, string tag, HealthStatus status) =>
        consul.Client.Agent.ServiceRegister(
            new AgentServiceRegistration
            {
                ID = $"{name}-{number}",
                Name = name,
                Tags = [tag],
                Check = new AgentServiceCheck { TTL = TimeSpan.FromMinutes(10), Status = status },
            },
            Ct);

    private async Task Deregister(string name)
    {
        await consul.Client.Agent.ServiceDeregister($"{name}-1", Ct);
        await consul.Client.Agent.ServiceDeregister($"{name}-2", Ct);
    }
}
