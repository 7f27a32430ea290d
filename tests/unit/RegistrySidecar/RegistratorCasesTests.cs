using ServiceMesh.RegistrySidecar.Settings;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>The cases that a user of Registrator relies on: a container in, its registrations out.</summary>
public sealed class RegistratorCasesTests
{
    [Fact]
    public void Map_OnePublishedPort_NamesServiceAfterImage() =>
        Assert.Equal(
            ["h1:redis.0:6379 redis 10.0.0.9:10000 []"],
            Lines(Container("progrium/redis", "redis.0", ["6379/tcp=10000"])));

    [Fact]
    public void Map_MetadataInEnvironment_NamesTagsAndDescribes() =>
        Assert.Equal(
            ["h1:redis.0:6379 db 10.0.0.9:10000 [master, backups] region=us2"],
            Lines(Container("progrium/redis", "redis.0", ["6379/tcp=10000"], ["SERVICE_NAME=db", "SERVICE_TAGS=master,backups", "SERVICE_REGION=us2"])));

    [Theory]
    [InlineData("SERVICE_NAME", "SERVICE_TAGS", "SERVICE_REGION")]
    [InlineData("SERVICE_name", "SERVICE_Tags", "SERVICE_region")]
    [InlineData("mesh.service.name", "mesh.service.tags", "mesh.service.region")]
    public void Map_MetadataInLabels_IsTheSame(string name, string tags, string region) =>
        Assert.Equal(
            ["h1:redis.0:6379 db 10.0.0.9:10000 [master, backups] region=us2"],
            Lines(Container(
                "progrium/redis", "redis.0", ["6379/tcp=10000"],
                labels: new Dictionary<string, string> { [name] = "db", [tags] = "master,backups", [region] = "us2" })));

    [Fact]
    public void Map_TwoPublishedPorts_AppendsThePort() =>
        Assert.Equal(
            ["h1:nginx.0:80 nginx-80 10.0.0.9:8000 []", "h1:nginx.0:443 nginx-443 10.0.0.9:4443 []"],
            Lines(Container("progrium/nginx", "nginx.0", ["443/tcp=4443", "80/tcp=8000"])));

    [Fact]
    public void Map_PortSpecificMetadata_BeatsGeneric() =>
        Assert.Equal(
            ["h1:nginx.0:80 http 10.0.0.9:8000 [www]", "https.12345 https 10.0.0.9:4443 [www] sni=enabled"],
            Lines(Container(
                "progrium/nginx", "nginx.0", ["443/tcp=4443", "80/tcp=8000"],
                ["SERVICE_443_NAME=https", "SERVICE_443_ID=https.12345", "SERVICE_443_SNI=enabled", "SERVICE_80_NAME=http", "SERVICE_TAGS=www"])));

    [Fact]
    public void Map_PortSpecificTags_ReplaceGenericOnes() =>
        Assert.Equal(
            ["h1:web:80 nginx-80 10.0.0.9:8000 [a, b]", "h1:web:443 nginx-443 10.0.0.9:4443 [c]"],
            Lines(Container("nginx", "web", ["443/tcp=4443", "80/tcp=8000"], ["SERVICE_TAGS=a,b", "SERVICE_443_TAGS=c"])));

    [Theory]
    [InlineData("service_name")]
    [InlineData("Service_NAME")]
    [InlineData("MESH.SERVICE.NAME")]
    public void Map_PrefixInAnotherCase_IsNotRead(string label) =>
        Assert.Equal(
            ["h1:web:80 nginx 10.0.0.9:8080 []"],
            Lines(Container("nginx", "web", ["80/tcp=8080"], [$"{label}=x"], new Dictionary<string, string> { [label] = "x" })));

    [Fact]
    public void Map_DottedLabels_MeanAPortAProtocolAndAKeyWithADot()
    {
        var labels = new Dictionary<string, string>
        {
            ["mesh.service.53.name"] = "dns",
            ["mesh.service.53.udp.name"] = "dnsu",
            ["mesh.service.53.udp.tags"] = "fast",
            ["mesh.service.53.tcp.check.http"] = "/health",
            ["mesh.service.zone.id"] = "z",
        };

        var registrations = Registrations(Container("bind", "dns", ["53/tcp=53", "53/udp=53"], labels: labels));

        Assert.Equal(
            ["h1:dns:53 dns 10.0.0.9:53 [] zone_id=z", "h1:dns:53:udp dnsu 10.0.0.9:53 [fast, udp] zone_id=z"],
            registrations.Select(Line));
        Assert.Equal(["http://10.0.0.9:53/health", null], registrations.Select(registration => registration.Checks!.FirstOrDefault()?.HTTP));
    }

    [Fact]
    public void Map_ExposedAndUnpublishedPort_IsNeitherRegisteredNorCounted() =>
        Assert.Equal(["h1:web:80 nginx 10.0.0.9:8000 []"], Lines(Container("nginx", "web", ["80/tcp=8000", "443/tcp"])));

    [Fact]
    public void Map_TcpAndUdpOfOnePort_DifferByIdAndTag() =>
        Assert.Equal(
            ["h1:dns:53 dns 10.0.0.9:53 []", "h1:dns:53:udp dns 10.0.0.9:53 [udp]"],
            Lines(Container("bind", "dns", ["53/tcp=53", "53/udp=53"], ["SERVICE_53_NAME=dns"])));

    [Fact]
    public void Map_MetadataOfOneProtocol_LeavesTheOtherAlone() =>
        Assert.Equal(
            ["h1:dns:53 dns 10.0.0.9:53 []", "h1:dns:53:udp dnsu 10.0.0.9:53 [fast, udp]"],
            Lines(Container("bind", "dns", ["53/tcp=53", "53/udp=53"], ["SERVICE_53_NAME=dns", "SERVICE_53_UDP_NAME=dnsu", "SERVICE_53_UDP_TAGS=fast"])));

    [Theory]
    [InlineData("127.0.0.1:8080", null, "127.0.0.1:8080")]
    [InlineData("127.0.0.1:8080", Ip, "10.0.0.9:8080")]
    [InlineData("8080", null, "192.168.7.7:8080")]
    [InlineData(":::8080", null, "192.168.7.7:8080")]
    [InlineData("fd00::7:8080", null, "fd00::7:8080")]
    public void Map_Binding_GivesTheAddress(string binding, string? ip, string expected) =>
        Assert.Equal([$"h1:web:80 nginx {expected} []"], Lines(Container("nginx", "web", [$"80/tcp={binding}"]), new SidecarOptions { Ip = ip }));

    [Fact]
    public void Map_BindingForBothIpVersions_IsOneService() =>
        Assert.Equal(["h1:web:80 nginx 10.0.0.9:8080 []"], Lines(Container("nginx", "web", ["80/tcp=:::8080", "80/tcp=0.0.0.0:8080"])));

    [Theory]
    [InlineData(Ip, Ip)]
    [InlineData(null, AgentAddress)]
    public void Map_HostNetwork_TakesExposedPortsAsTheyAre(string? ip, string address) =>
        Assert.Equal([$"h1:web:80 nginx {address}:80 []"], Lines(Container("nginx", "web", ["80/tcp"]) with { NetworkMode = "host" }, new SidecarOptions { Ip = ip }));

    [Theory]
    [InlineData("bridge", Ip, "172.17.0.5")]
    [InlineData("host", Ip, Ip)]
    [InlineData("host", null, AgentAddress)]
    public void Map_SharedNetwork_TakesTheOwnersAddress(string ownersNetwork, string? ip, string address)
    {
        var owner = Container("pause", "pod", []) with { NetworkMode = ownersNetwork };
        var container = Container("nginx", "web", ["80/tcp"]) with { NetworkMode = $"container:{owner.Id}", Networks = new Dictionary<string, string>() };

        var mapped = ServiceMesh.RegistrySidecar.Registration.ContainerMapping.Map(container, Context(new SidecarOptions { Ip = ip }, others: [owner]));

        Assert.Equal([$"h1:web:80 nginx {address}:80 []"], mapped.Registrations.Select(Line));
    }

    [Fact]
    public void Map_UserNetworkWithoutIp_PairsHostAddressWithHostPort() =>
        Assert.Equal(
            ["h1:web:80 nginx 192.168.7.7:8080 []"],
            Lines(
                Container("nginx", "web", ["80/tcp=8080"]) with { NetworkMode = "shop", Networks = new Dictionary<string, string> { ["shop"] = "172.20.0.2" } },
                new SidecarOptions()));

    [Fact]
    public void Map_PortSpecificInEnvironment_BeatsGenericLabel() =>
        Assert.Equal(
            ["h1:web:80 a 10.0.0.9:8080 []"],
            Lines(Container("nginx", "web", ["80/tcp=8080"], ["SERVICE_80_NAME=a"], new Dictionary<string, string> { ["SERVICE_NAME"] = "b" })));

    [Fact]
    public void Map_LabelAndEnvironmentAtTheSameLevel_LabelWins() =>
        Assert.Equal(
            ["h1:web:80 b 10.0.0.9:8080 []"],
            Lines(Container("nginx", "web", ["80/tcp=8080"], ["SERVICE_NAME=a"], new Dictionary<string, string> { ["SERVICE_NAME"] = "b" })));

    [Fact]
    public void Map_OneOfTwoPortsIgnored_AppendsNoPort() =>
        Assert.Equal(
            ["h1:web:80 nginx 10.0.0.9:8080 []"],
            Lines(Container("nginx", "web", ["80/tcp=8080", "443/tcp=8443"], ["SERVICE_443_IGNORE=true"])));

    [Theory]
    [InlineData("true", 0)]
    [InlineData("1", 0)]
    [InlineData("please", 0)]
    [InlineData("false", 1)]
    [InlineData("0", 1)]
    [InlineData("NO", 1)]
    [InlineData("", 1)]
    public void Map_Ignore_MeansWhatItSays(string value, int registered) =>
        Assert.Equal(registered, Registrations(Container("nginx", "web", ["80/tcp=8080"], [$"SERVICE_IGNORE={value}"])).Count);

    [Fact]
    public void Map_OneIdForSeveralPorts_OverwritesNone() =>
        Assert.Equal(
            ["x", "x:443", "x:443:udp"],
            Registrations(Container("nginx", "web", ["80/tcp=8080", "443/tcp=8443", "443/udp=8443"], ["SERVICE_ID=x"])).Select(registration => registration.ID));

    [Theory]
    [InlineData("SERVICE_80_ID=x SERVICE_81_ID=x:443 SERVICE_443_ID=x", "x, x:443, x:443:443")]
    [InlineData("SERVICE_80_ID=h1:web:443", "h1:web:443, h1:web:81, h1:web:443:443")]
    [InlineData("SERVICE_ID=x", "x, x:81, x:443")]
    public void Map_IdsThatClash_AreAllDifferent(string variables, string expected) =>
        Assert.Equal(expected, string.Join(", ", Registrations(Container("nginx", "web", ["80/tcp=1", "81/tcp=2", "443/tcp=3"], variables.Split(' '))).Select(one => one.ID)));

    [Theory]
    [InlineData("SERVICE_80_NAME=a", 1)]
    [InlineData("SERVICE_NAME=a", 2)]
    [InlineData("NAME=a", 0)]
    public void Map_Explicit_TakesNamedPortsOnly(string variable, int registered) =>
        Assert.Equal(registered, Registrations(Container("nginx", "web", ["80/tcp=8080", "443/tcp=8443"], [variable]), WithIp with { Explicit = true }).Count);
}
