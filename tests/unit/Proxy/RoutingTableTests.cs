using ServiceMesh.Proxy.Snapshots;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class RoutingTableTests
{
    private static readonly RoutingTable Table = RoutingTable.Build(
    [
        Document("demo", new Route(null, "/demo", StripPath: true)),
        Document("demo-admin", new Route(null, "/demo/admin", StripPath: false)),
        Document("shop", new Route("shop.example", "/", StripPath: true), new Route("shop.example", "/demo", StripPath: true)),
    ]);

    [Theory]
    [InlineData("prod", "/demo", "demo")]
    [InlineData("prod", "/demo/", "demo")]
    [InlineData("prod", "/demo/1", "demo")]
    [InlineData("prod", "/demo/admin", "demo-admin")]
    [InlineData("prod", "/demo/admin/x/y", "demo-admin")]
    [InlineData("prod", "/demo/administration", "demo")]
    [InlineData("prod", "/demos", null)]
    [InlineData("prod", "/Demo", null)]
    [InlineData("prod", "/", null)]
    [InlineData("prod", "", null)]
    [InlineData("prod", "demo", null)]
    [InlineData("shop.example", "/", "shop")]
    [InlineData("SHOP.example", "/anything", "shop")]
    [InlineData("shop.example", "/demo/admin", "shop")]
    public void Match_HostAndPath_FindTheExactHostThenTheLongestPrefix(string host, string path, string? service) =>
        Assert.Equal(service, Table.Match(host, path)?.Service);

    [Fact]
    public void Match_APathOfManySegments_FindsItsPrefix() =>
        Assert.Equal("demo", Table.Match("prod", "/demo" + string.Concat(Enumerable.Repeat("/x", 4000)))?.Service);

    [Fact]
    public void Match_StripPath_DecidesThePrefix()
    {
        Assert.Equal("/demo", Table.Match("prod", "/demo/1")?.Prefix);
        Assert.Equal("", Table.Match("prod", "/demo/admin")?.Prefix);
        Assert.Equal("", Table.Match("shop.example", "/x")?.Prefix);
    }

    [Fact]
    public void Build_TwoServicesOnOneRoute_TheFirstByNameHasItAndTheOtherIsTold()
    {
        var table = RoutingTable.Build([Document("b", new Route(null, "/x", StripPath: true)), Document("a", new Route(null, "/x", StripPath: false))]);

        Assert.Equal("a", table.Match("any", "/x")?.Service);
        Assert.Equal("route /x belongs to service 'a' already", table.Faults["b"]);
        Assert.False(table.Faults.ContainsKey("a"));
    }

    private static ServiceDocument Document(string service, params Route[] routes) => ServiceDocument.Create(service, routes);
}
