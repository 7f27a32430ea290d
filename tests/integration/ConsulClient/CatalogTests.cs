using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class CatalogTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private ICatalogEndpoint Catalog => consul.Client.Catalog;

    [Fact]
    public async Task Service_Registered_IsInEveryView()
    {
        var name = ConsulFixture.Unique("svc");
        await consul.Client.Agent.ServiceRegister(
            new AgentServiceRegistration
            {
                ID = $"{name}:80",
                Name = name,
                Tags = ["active", "blue"],
                Address = "192.0.2.7",
                Port = 80,
                Meta = new Dictionary<string, string>(StringComparer.Ordinal) { ["mesh-version"] = "v1" },
            },
            Ct);

        var instances = await ConsulFixture.Until(
            (options, ct) => Catalog.Service(name, null, options, ct), found => found.Length == 1);
        var services = (await Catalog.Services(Ct)).Response;
        var node = (await Catalog.Node(instances[0].Node, Ct)).Response;

        Assert.Equal(($"{name}:80", name), (instances[0].ServiceID, instances[0].ServiceName));
        Assert.Equal(("192.0.2.7", 80), (instances[0].ServiceAddress, instances[0].ServicePort));
        Assert.Equal("v1", instances[0].ServiceMeta["mesh-version"]);
        Assert.Empty((await Catalog.Service(name, "green", Ct)).Response);
        Assert.Equal(["active", "blue"], services[name].Order(StringComparer.Ordinal));
        Assert.Equal(name, node?.Services[$"{name}:80"].Service);
        await consul.Client.Agent.ServiceDeregister($"{name}:80", Ct);
    }

    [Fact]
    public async Task Nodes_OneAgent_IsTheOnlyNode()
    {
        var node = Assert.Single((await Catalog.Nodes(Ct)).Response);

        Assert.Equal(await consul.Client.Agent.GetNodeName(Ct), node.Name);
        Assert.Equal("dc1", node.Datacenter);
        Assert.NotEmpty(node.TaggedAddresses);
    }

    [Fact]
    public async Task Node_Unknown_IsNull() =>
        Assert.Null((await Catalog.Node(ConsulFixture.Unique("none"), Ct)).Response);

    [Fact]
    public async Task Services_UnknownDatacenter_FailsWithConsulsReason()
    {
        var failure = await Assert.ThrowsAsync<ConsulRequestException>(
            () => Catalog.Services(new QueryOptions { Datacenter = "no where" }, Ct));

        Assert.Equal(ConsulFault.Server, failure.Fault);
        Assert.Contains("dc=no%20where", failure.Message, StringComparison.Ordinal);
        Assert.Contains("No path to datacenter", failure.Message, StringComparison.Ordinal);
    }
}
