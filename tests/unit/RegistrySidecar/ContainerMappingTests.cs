using ServiceMesh.RegistrySidecar.Registration;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class ContainerMappingTests
{
    [Fact]
    public void Map_DeployersLabels_GiveMetaAndName()
    {
        var container = Container(
            "localhost:5000/shop/demo:v2", "demo-1", ["8080/tcp=32000"], ["SERVICE_NAME=other"],
            new Dictionary<string, string>
            {
                ["mesh.environment"] = "mesh",
                ["mesh.service"] = "demo",
                ["mesh.deployment"] = "k3v",
                ["mesh.version"] = "v2",
            });

        var registration = Assert.Single(Registrations(container));

        Assert.Equal("demo", registration.Name);
        Assert.Equal(["candidate"], registration.Tags!);
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["mesh-owner"] = "h1",
                ["mesh-environment"] = "mesh",
                ["mesh-container"] = container.Id,
                ["mesh-deployment"] = "k3v",
                ["mesh-version"] = "v2",
                ["mesh-image"] = "sha256:1234",
                ["mesh-checks"] = CheckRule.HashOf([.. registration.Checks!]),
            },
            registration.Meta!);
    }

    [Theory]
    [InlineData("", "demo-80, demo-443", true)]
    [InlineData("SERVICE_80_NAME=demo", "demo, demo-443", false)]
    [InlineData("SERVICE_443_IGNORE=true", "demo", false)]
    [InlineData("SERVICE_80_NAME=a SERVICE_443_NAME=b", "a, b", false)]
    public void Map_ServiceOfSeveralPorts_WarnsWhereNoneHasItsName(string variables, string names, bool warns)
    {
        var container = Container("nginx", "web", ["80/tcp=8080", "443/tcp=8443"], variables.Split(' '), new Dictionary<string, string> { ["mesh.service"] = "demo" });

        var mapped = ContainerMapping.Map(container, Context());

        Assert.Equal(names, string.Join(", ", mapped.Registrations.Select(registration => registration.Name)));
        Assert.Equal(warns, mapped.Warnings.Any(warning => warning.Contains("80, 443", StringComparison.Ordinal) && warning.Contains("SERVICE_<port>_IGNORE=true", StringComparison.Ordinal)));
        Assert.Equal(warns ? 1 : 0, mapped.Warnings.Count);
    }

    [Fact]
    public void Map_StartedByHand_IsADeploymentOfItsOwn()
    {
        var container = Container("nginx", "web", ["80/tcp=8080"]);

        Assert.Equal(container.Id, Assert.Single(Registrations(container)).Meta!["mesh-deployment"]);
    }

    [Theory]
    [InlineData("SERVICE_WEIGHT=3", 3)]
    [InlineData("SERVICE_80_WEIGHT=65535", 65535)]
    [InlineData("SERVICE_WEIGHT=", null)]
    [InlineData("SERVICE_WEIGHT=0", null)]
    [InlineData("SERVICE_WEIGHT=65536", null)]
    [InlineData("SERVICE_WEIGHT=-1", null)]
    [InlineData("SERVICE_WEIGHT=much", null)]
    public void Map_AWeight_IsConsulsForPassingAndWarning(string variable, int? expected)
    {
        var mapped = ContainerMapping.Map(Container("nginx", "web", ["80/tcp=8080"], [variable]), Context());

        var weights = Assert.Single(mapped.Registrations).Weights;
        Assert.Equal((expected, expected), (weights?.Passing, weights?.Warning));
        Assert.Equal(expected is null && !variable.EndsWith('='), mapped.Warnings.Any(warning => warning.Contains("1 to 65535")));
    }

    [Fact]
    public void Map_OtherMesh_RegistersNothingAndSaysWhy()
    {
        var container = Container("nginx", "web", ["80/tcp=8080"], labels: new Dictionary<string, string> { ["mesh.environment"] = "other" });

        var mapped = ContainerMapping.Map(container, Context());

        Assert.Empty(mapped.Registrations);
        Assert.Equal(["it belongs to the mesh 'other'"], mapped.LeftOut);
    }

    [Theory]
    [InlineData("k3v", "active")]
    [InlineData("b7q", "retired")]
    [InlineData("new", "candidate")]
    public void Map_Document_GivesTheStageFirst(string deployment, string stage)
    {
        var container = Container(
            "demo", "demo", ["80/tcp=8080"], ["SERVICE_TAGS=a"], new Dictionary<string, string> { ["mesh.deployment"] = deployment });

        var mapped = ContainerMapping.Map(container, Context(documents: Documents(Document("demo", "k3v", "b7q"))));

        Assert.Equal([stage, "a"], Assert.Single(mapped.Registrations).Tags!);
    }

    [Theory]
    [InlineData("active,a,retired", "a", 1)]
    [InlineData("candidate", "", 1)]
    [InlineData("a,Active", "a, Active", 0)]
    public void Map_TagThatNamesAStage_IsLeftOutWithOneWarning(string tags, string expected, int warnings)
    {
        var mapped = ContainerMapping.Map(Container("demo", "demo", ["80/tcp=8080", "81/tcp=8081"], [$"SERVICE_TAGS={tags}"]), Context());

        Assert.All(mapped.Registrations, registration => Assert.Equal(("candidate", expected), (registration.Tags![0], string.Join(", ", registration.Tags[1..]))));
        Assert.Equal(warnings, mapped.Warnings.Count);
    }

    [Theory]
    [InlineData(null, null, "10.1.0.2")]
    [InlineData(null, "back", "10.2.0.2")]
    [InlineData("back", "alpha", "10.2.0.2")]
    public void Map_Internal_TakesTheChosenNetwork(string? label, string? option, string address)
    {
        var container = Container(
            "demo", "demo", ["80/tcp", "81/tcp=8081"],
            labels: label is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["mesh.network"] = label }) with
        {
            NetworkMode = "back",
            Networks = new Dictionary<string, string> { ["back"] = "10.2.0.2", ["alpha"] = "10.1.0.2" },
        };

        Assert.Equal(
            [$"h1:demo:80 demo-80 {address}:80 []", $"h1:demo:81 demo-81 {address}:81 []"],
            Lines(container, WithIp with { Internal = true, Network = option }));
    }

    [Fact]
    public void Map_InternalWithUnknownNetwork_RegistersNothingAndSaysWhy()
    {
        var container = Container("demo", "demo", ["80/tcp"], labels: new Dictionary<string, string> { ["mesh.network"] = "nope" });

        var mapped = ContainerMapping.Map(container, Context(WithIp with { Internal = true }));

        Assert.Empty(mapped.Registrations);
        Assert.Equal(["it has no address in the network 'nope'"], mapped.LeftOut);
    }

    [Theory]
    [InlineData("10.9.8.7/24", "10.9.8.7")]
    [InlineData("10.9.8.7", "10.9.8.7")]
    [InlineData("[fd00::7]/64", "fd00::7")]
    [InlineData("host.example.com/24", "host.example.com")]
    public void Map_UseIpFromLabel_CutsAtTheLastSlash(string value, string address) =>
        Assert.Equal(
            [$"h1:demo:80 demo {address}:8080 []"],
            Lines(
                Container("demo", "demo", ["80/tcp=8080"], labels: new Dictionary<string, string> { ["ip"] = value }),
                WithIp with { UseIpFromLabel = "ip" }));

    [Theory]
    [InlineData("/24")]
    [InlineData("a/b/24")]
    [InlineData("10.9.8.7:80/24")]
    [InlineData("[fd00::7]:80")]
    [InlineData("")]
    [InlineData(null)]
    public void Map_UseIpFromLabelThatHoldsNone_TakesThePortsOwnWithAWarning(string? value)
    {
        var container = Container("demo", "demo", ["80/tcp=8080"], labels: value is null ? null : new Dictionary<string, string> { ["ip"] = value });

        var mapped = ContainerMapping.Map(container, Context(WithIp with { UseIpFromLabel = "ip" }));

        Assert.Equal("10.0.0.9", Assert.Single(mapped.Registrations).Address);
        Assert.Contains("the label ip", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{.Labels.tags}}", "a, b,c")]
    [InlineData("{{index .Config.Labels \"tags\"}}", "a, b,c")]
    [InlineData("x,y", "x,y")]
    [InlineData("in-{{.Labels.tags}}", "in-a,b\\,c")]
    public void Map_ForcedTag_IsAListWhereItIsAPlaceholderAlone(string text, string tags)
    {
        Assert.Null(TagTemplate.TryParse(text, out var template));
        var container = Container("demo", "demo", ["80/tcp=8080"], [], new Dictionary<string, string> { ["tags"] = "a,b\\,c" });

        Assert.Equal($"candidate, {tags}", string.Join(", ", Assert.Single(ContainerMapping.Map(container, Context(WithIp with { Tags = [template] })).Registrations).Tags!));
    }

    [Fact]
    public void Map_ForcedTags_AreAppendedAndTemplated()
    {
        TagTemplate.TryParse("on-{{.Host}}", out var host);
        TagTemplate.TryParse("{{.Labels.team}}", out var team);
        TagTemplate.TryParse("{{.Env.REGION}}", out var region);
        var container = Container(
            "demo", "demo", ["80/tcp=8080"], ["SERVICE_TAGS=a", "REGION=eu"], new Dictionary<string, string> { ["SERVICE_OTHER"] = "x" });

        var mapped = ContainerMapping.Map(container, Context(WithIp with { Tags = [host, team, region] }));

        Assert.Equal(["candidate", "a", "on-h1", "eu"], Assert.Single(mapped.Registrations).Tags!);
        Assert.Contains("{{.Labels.team}}", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("host", false)]
    [InlineData("bridge", true)]
    public void Map_ARangeOfPorts_KeepsThoseThatNeedNoNameAndThoseThatAreNamed(string network, bool isInternal)
    {
        var container = Container(
            "turn", "turn", [.. Enumerable.Range(49152, 16384).Select(port => $"{port}/udp")], ["SERVICE_65535_NAME=last", "SERVICE_65534_ID=turn", "SERVICE_49152_IGNORE=1"]) with
        {
            NetworkMode = network,
        };

        var mapped = ContainerMapping.Map(container, Context(WithIp with { Internal = isInternal }));

        Assert.Equal((66, "turn", "last"), (mapped.Registrations.Count, mapped.Registrations[^2].ID, mapped.Registrations[^1].Name));
        Assert.Equal(["port 49152/udp is to be ignored", "16317 ports from 49217/udp to 65533/udp are beyond the 64 that need no name of their own"], mapped.LeftOut);
        Assert.Contains("SERVICE_<port>_NAME", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, 0)]
    [InlineData(65, 1)]
    public void Map_AsManyPortsAsNeedNoName_LeavesNoneOut(int ports, int leftOut)
    {
        var mapped = ContainerMapping.Map(Container("demo", "demo", [.. Enumerable.Range(1, ports).Select(port => $"{port}/tcp={port + 8000}")]), Context());

        Assert.Equal((64, leftOut, leftOut), (mapped.Registrations.Count, mapped.LeftOut.Count, mapped.Warnings.Count));
    }

    [Theory]
    [InlineData("other", null, true)]
    [InlineData("bridge", null, false)]
    [InlineData("other", "bridge", false)]
    public void Map_NetworkThatTheContainerIsNotIn_TakesItsOwnWithAWarning(string option, string? label, bool warns)
    {
        var container = Container("demo", "demo", ["80/tcp"], labels: label is null ? null : new Dictionary<string, string> { ["mesh.network"] = label });

        var mapped = ContainerMapping.Map(container, Context(WithIp with { Internal = true, Network = option }));

        Assert.Equal("172.17.0.5", Assert.Single(mapped.Registrations).Address);
        Assert.Equal(warns, mapped.Warnings.Any(warning => warning.Contains("'other' (--network)", StringComparison.Ordinal)));
    }

    [Fact]
    public void Map_NamedPortsBeyondTheLimit_AreLeftOutAfterThoseWithoutANameWithAWarning()
    {
        var container = Container(
            "demo",
            "demo",
            [.. Enumerable.Range(1, 400).Select(port => $"{port}/tcp={port + 8000}")],
            [.. Enumerable.Range(1, 200).Concat(Enumerable.Range(301, 50)).Select(port => $"SERVICE_{port}_NAME=s{port}")]);

        var mapped = ContainerMapping.Map(container, Context());

        Assert.Equal(256, mapped.Registrations.Count);
        Assert.Equal([.. Enumerable.Range(1, 206), .. Enumerable.Range(301, 50)], mapped.Registrations.Select(one => one.Port - 8000));
        Assert.Equal(
            [
                "86 ports from 265/tcp to 400/tcp are beyond the 64 that need no name of their own",
                "58 ports from 207/tcp to 264/tcp are beyond the 256 that a container has at the most",
            ],
            mapped.LeftOut);
        Assert.Equal(2, mapped.Warnings.Count);
    }

    [Theory]
    [InlineData("port 80/tcp is not published on the host", "80/tcp")]
    [InlineData("ports 80/tcp, 80/udp are not published on the host", "80/udp", "80/tcp", "443/tcp=8443")]
    [InlineData("65535 ports from 1/tcp to 65535/tcp are not published on the host", "1-65535")]
    public void Map_NothingPublished_SaysWhyInOneSentence(string said, params string[] ports)
    {
        var container = Container("demo", "demo", ports is ["1-65535"] ? AllPorts : ports);

        Assert.Equal([said], ContainerMapping.Map(container, Context()).LeftOut);
    }

    [Theory]
    [InlineData("SERVICE_IGNORE=true", false, "65535 ports from 1/tcp to 65535/tcp are to be ignored")]
    [InlineData("A=b", true, "65535 ports from 1/tcp to 65535/tcp are not named, and only named ones are registered (--explicit)")]
    public void Map_NoneOfManyIsWanted_SaysWhyInOneSentence(string variable, bool isExplicit, string said)
    {
        var container = Container("demo", "demo", AllPorts, [variable]) with { NetworkMode = "host" };

        Assert.Equal([said], ContainerMapping.Map(container, Context(WithIp with { Explicit = isExplicit })).LeftOut);
    }
}
