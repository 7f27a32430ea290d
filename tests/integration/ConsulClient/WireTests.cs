using Consul;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class WireTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Get_Options_AreInTheRequest()
    {
        var options = new QueryOptions
        {
            Consistency = ConsistencyMode.Consistent,
            Datacenter = "dc 2",
            Filter = "ServiceTags contains \"active\"",
            Near = "_agent",
            Token = "secret",
            WaitIndex = 7,
            WaitTime = TimeSpan.FromMinutes(31),
        };

        var request = await RequestOf(
            client => client.Catalog.Nodes(options, Ct), config => config.Address = new Uri(config.Address, "prefix/"));

        Assert.Equal(
            "GET /prefix/v1/catalog/nodes?dc=dc%202&near=_agent&filter=ServiceTags%20contains%20%22active%22"
                + "&consistent&index=7&wait=1860s",
            request.Line);
        Assert.Equal("secret", request.Token);
    }

    [Fact]
    public async Task Get_NoWaitIndex_SendsNoWaitTime()
    {
        var request = await RequestOf(
            client => client.Catalog.Nodes(new QueryOptions { Consistency = ConsistencyMode.Stale }, Ct),
            config => config.WaitTime = TimeSpan.FromSeconds(1));

        Assert.Equal("GET /v1/catalog/nodes?stale", request.Line);
        Assert.Equal("", request.Token);
    }

    [Fact]
    public async Task Services_NullForEveryList_IsEmptyLists()
    {
        await using var stub = await StubConsul.Start(
            context => context.Response.WriteAsync(
                """[{"Node":null,"Service":{"ID":"a","Tags":null,"Meta":null,"New":{"x":[1]}},"Checks":null}]""", Ct),
            Ct);
        using var client = ConsulFixture.ClientOf(stub.Address);

        var entry = Assert.Single((await client.Health.Service("a", Ct)).Response);

        Assert.Empty(entry.Checks);
        Assert.Empty(entry.Service.Tags);
        Assert.Empty(entry.Service.Meta);
        Assert.Equal("", entry.Node.Name);
    }

    [Fact]
    public async Task State_NullAndAnUnknownStatus_AreEmptyAndCritical()
    {
        var content = "null";
        await using var stub = await StubConsul.Start(context => context.Response.WriteAsync(content, Ct), Ct);
        using var client = ConsulFixture.ClientOf(stub.Address);

        Assert.Empty((await client.Health.State(HealthStatus.Any, Ct)).Response);
        content = """[{"CheckID":"a","Status":"banana"},{"CheckID":"b","Status":null}]""";
        var checks = (await client.Health.State(HealthStatus.Any, Ct)).Response;

        Assert.All(checks, check => Assert.Equal(HealthStatus.Critical, check.Status));
    }

    [Fact]
    public async Task Put_NothingSet_SendsTheBareKey()
    {
        var request = await RequestOf(client => client.KV.Put(new KVPair("a b/c//d") { Value = [1] }, Ct), _ => { });

        Assert.Equal("PUT /v1/kv/a%20b/c//d", request.Line);
    }

    private static async Task<(string Line, string Token)> RequestOf(
        Func<Consul.ConsulClient, Task> call, Action<ConsulClientConfiguration> configure)
    {
        (string Line, string Token) seen = default;
        await using var stub = await StubConsul.Start(
            context =>
            {
                var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>();
                seen = ($"{raw.Method} {raw.RawTarget}", context.Request.Headers["X-Consul-Token"].ToString());
                return context.Response.WriteAsync("null", Ct);
            },
            Ct);
        using var client = new Consul.ConsulClient(config =>
        {
            config.Address = stub.Address;
            config.Token = null;
            configure(config);
        });
        await Record.ExceptionAsync(() => call(client));
        return seen;
    }
}
