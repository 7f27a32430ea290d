using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Store;
using Xunit;
using Catalog = ServiceMesh.Deployer.Delivery.Catalog;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class CatalogTests
{
    // An instance that a server does not know yet seems to have no requests, and a proxy that it does not know is not waited for.
    [Fact]
    public async Task Instances_HoweverTheyAreAskedFor_AreReadFromAServerThatKnowsAll()
    {
        var (consul, ct) = (Substitute.For<IConsulClient>(), TestContext.Current.CancellationToken);
        consul.Health.Service("demo", null, false, Arg.Is<QueryOptions>(options => options.Consistency == ConsistencyMode.Consistent), ct)
            .Returns(new QueryResult<ServiceEntry[]> { Response = [new ServiceEntry { Service = new AgentService { ID = "h1:c1:80", Service = "demo", Meta = new Dictionary<string, string> { [InstanceMeta.Container] = "c1" } } }] });
        consul.Health.Service("demo", null, false, ct).Returns(new QueryResult<ServiceEntry[]> { Response = [] });
        var catalog = new Catalog(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));

        Assert.Equal(["h1:c1:80"], (await catalog.InstancesAsync("demo", ct)).Select(instance => instance.Id));
        Assert.Equal(["c1"], (await catalog.WithContainersAsync("demo", ct)).Select(entry => entry.Container));
        Assert.Equal(["c1"], (await catalog.OfContainersAsync("demo", new HashSet<string> { "c1" }, _ => { }, ct)).Select(entry => entry.Container));
        Assert.Equal(["h1:c1:80"], (await new ProxyFleet(catalog, http: null!, "demo", TimeProvider.System).ListAsync(ct)).Select(proxy => proxy.Id));
    }
}
