using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class RoutingTableTests
{
    private static readonly RoutingTable Table = Build(
        Document("demo", new Route(null, "/demo", StripPath: true)),
        Document("demo-admin", new Route(null, "/demo/admin", StripPath: false)),
        Document("shop", new Route("shop.example", "/", StripPath: true), new Route("shop.example", "/demo", StripPath: true)),
        Document("tenants", new Route("*.shop.example", "/", StripPath: false)),
        Document("tenants-eu", new Route("*.eu.shop.example", "/", StripPath: false), new Route("*.shop.example", "/eu", StripPath: false)));

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
    [InlineData("shop.example.", "/", "shop")]
    [InlineData("a.shop.example", "/x", "tenants")]
    [InlineData("A.Shop.Example", "/x", "tenants")]
    [InlineData("a.b.c.shop.example", "/x", "tenants")]
    [InlineData("a.eu.shop.example", "/x", "tenants-eu")]
    [InlineData("eu.shop.example", "/x", "tenants")]
    [InlineData("eu.shop.example", "/eu/x", "tenants-eu")]
    [InlineData(".shop.example", "/x", null)]
    [InlineData("workshop.example", "/x", null)]
    [InlineData("other.example", "/demo", "demo")]
    public void Match_HostAndPath_FindTheExactHostThenTheLongestWildcardThenTheLongestPrefix(string host, string path, string? service) =>
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
        var table = Build(Document("b", new Route(null, "/x", StripPath: true)), Document("a", new Route(null, "/x", StripPath: false)));

        Assert.Equal("a", table.Match("any", "/x")?.Service);
        Assert.Equal("route /x belongs to service 'a' already", table.Faults["b"]);
        Assert.False(table.Faults.ContainsKey("a"));
    }

    [Fact]
    public void Match_AHostOfManyLabels_FindsItsDomain()
    {
        var host = string.Concat(Enumerable.Repeat("x.", 4000)) + "shop.example";

        Assert.Equal("tenants", Table.Match(host, "/")?.Service);
    }

    [Fact]
    public void Follow_APromotion_IsTheSameTable()
    {
        var document = Document("demo", new Route(null, "/demo", StripPath: true) { RequestHeaders = new HeaderChanges { Set = Header("X-A", "1") } });
        var table = Build(document);
        var promoted = document.Promote(
            new Release("d1", "v1", "image", DateTimeOffset.UnixEpoch),
            [new Route(null, "/demo", StripPath: true) { RequestHeaders = new HeaderChanges { Set = Header("X-A", "1") } }]);

        Assert.Same(table, table.Follow([promoted], TrustedProxies.None));
    }

    [Fact]
    public void Follow_ARouteOfOneServiceChanged_TheOthersKeepTheirTargets()
    {
        var other = Document("other", new Route(null, "/other", StripPath: true));
        var before = Build(Document("demo", new Route(null, "/demo", StripPath: true)), other);

        var after = before.Follow([Document("demo", new Route(null, "/new", StripPath: true)), other], TrustedProxies.None);

        Assert.Null(after.Match("any", "/demo"));
        Assert.Equal("demo", after.Match("any", "/new")?.Service);
        Assert.Same(before.Match("any", "/other"), after.Match("any", "/other"));
    }

    [Fact]
    public void Follow_TheOwnerOfARouteIsGone_TheOtherHasIt()
    {
        var other = Document("b", new Route(null, "/x", StripPath: true));
        var before = Build(Document("a", new Route(null, "/x", StripPath: true)), other);

        var after = before.Follow([other], TrustedProxies.None);

        Assert.Equal("b", after.Match("any", "/x")?.Service);
        Assert.Empty(after.Faults);
    }

    private static RoutingTable Build(params ServiceDocument[] documents) => RoutingTable.Empty.Follow(documents, TrustedProxies.None);

    private static Dictionary<string, string> Header(string name, string value) => new(StringComparer.Ordinal) { [name] = value };

    private static ServiceDocument Document(string service, params Route[] routes) => ServiceDocument.Create(service, routes);
}
