using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>A container may say what it likes: its service is still registered, with what Consul takes.</summary>
public sealed partial class HostileContainerTests
{
    [Theory]
    [InlineData("SERVICE_CONSUL-X", "consul-")]
    [InlineData("SERVICE_MESH-OWNER", "mesh-")]
    [InlineData("SERVICE_A B", "a-z")]
    [InlineData("SERVICE_ä", "a-z")]
    [InlineData("SERVICE_LÖNG", "a-z")]
    public void Map_MetaKeyThatConsulRefuses_IsLeftOutWithAWarning(string label, string said) => AssertRefused(label, "x", said);

    [Fact]
    public void Map_MetaTooLong_IsLeftOutWithAWarning()
    {
        AssertRefused("SERVICE_BIG", new string('x', 64 * 1024), "512");
        AssertRefused("SERVICE_UMLAUTS", new string('ä', 300), "512");
        AssertRefused("SERVICE_" + new string('k', 200), "x", "128");
    }

    [Fact]
    public void Map_FiveHundredLabels_KeepsAsManyAsConsulTakesWithOneWarning()
    {
        var labels = Enumerable.Range(0, 500).ToDictionary(number => $"SERVICE_K{number:000}", number => $"{number}");

        var mapped = ContainerMapping.Map(Container("demo", "demo", ["80/tcp=8080"], labels: labels), Context());

        var meta = Assert.Single(mapped.Registrations).Meta!;
        Assert.Equal(64, meta.Count);
        Assert.Equal("h1", meta["mesh-owner"]);
        Assert.Equal("0", meta["k000"]);
        Assert.True(Assert.Single(mapped.Warnings).Length < 1000);
    }

    [Fact]
    public void Map_OversizedMeshLabels_FallBack()
    {
        var huge = new string('x', 64 * 1024);
        var container = Container(
            "demo", "demo", ["80/tcp=8080"], labels: new Dictionary<string, string> { ["mesh.deployment"] = huge, ["mesh.version"] = huge });

        var mapped = ContainerMapping.Map(container, Context());

        Assert.Equal(container.Id, Assert.Single(mapped.Registrations).Meta!["mesh-deployment"]);
        Assert.Equal(2, mapped.Warnings.Count);
    }

    [Theory]
    [InlineData("SERVICE_WEIGHT")]
    [InlineData("SERVICE_ID")]
    [InlineData("SERVICE_80_ID")]
    [InlineData("SERVICE_CHECK_\u001b[2J\r")]
    [InlineData("mesh.network")]
    [InlineData("mesh.environment")]
    public void Map_WhatIsSaidOfAHostileLabel_IsShortAndPrintable(string label)
    {
        var container = Container(
            "demo", "demo", ["80/tcp=8080"], labels: new Dictionary<string, string> { [label] = "\u001b[2J\r" + new string('x', 64 * 1024) });

        var mapped = ContainerMapping.Map(container, Context(WithIp with { Internal = true }));

        Assert.All(
            Assert.Single((IReadOnlyList<string>[])[mapped.Warnings, mapped.LeftOut], said => said.Count > 0).Select(said => ForeignText.Shown(said)),
            said => Assert.True(said.Length < 600 && said.EnumerateRunes().All(ForeignText.IsPrintable), said));
    }

    [Fact]
    public void Map_NameThatIsNoDnsLabel_IsRegisteredAsItIs() =>
        Assert.Equal("My Service_1", Assert.Single(Registrations(Container("demo", "demo", ["80/tcp=8080"], ["SERVICE_NAME=My Service_1"]))).Name);

    [Theory]
    [InlineData("a\tb")]
    [InlineData("a\u001b[2Jb")]
    [InlineData("a\u00a0b")]
    [InlineData("a//b")]
    [InlineData("../victim")]
    [InlineData(".")]
    [InlineData("consul")]
    [InlineData("\ud83e\udee0")]
    public void Map_IdThatConsulWouldNotRemove_IsLeftOutWithAWarning(string id)
    {
        var mapped = ContainerMapping.Map(Container("demo", "demo", ["80/tcp=8080"], [$"SERVICE_ID={id}"]), Context());

        Assert.Equal("h1:demo:80", Assert.Single(mapped.Registrations).ID);
        Assert.Contains("SERVICE_ID", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SERVICE_NAME", 513)]
    [InlineData("SERVICE_CHECK_HTTP", 4097)]
    [InlineData("SERVICE_CHECK_HTTPS", 4097)]
    [InlineData("SERVICE_CHECK_HEADER", 4097)]
    [InlineData("SERVICE_CHECK_BODY", 4097)]
    [InlineData("SERVICE_CHECK_HTTP_METHOD", 4097)]
    public void Map_WhatHasNoBoundInConsul_IsLeftOutBeyondOursWithAWarning(string variable, int length)
    {
        var huge = new string('x', length);

        var mapped = ContainerMapping.Map(
            Container("demo", "demo", ["80/tcp=8080"], ["SERVICE_CHECK_HTTP=/", $"{variable}={huge}"], new Dictionary<string, string> { ["SERVICE_CHECK_TCP"] = "1" }), Context());

        var registration = Assert.Single(mapped.Registrations);
        Assert.DoesNotContain(huge, System.Text.Json.JsonSerializer.Serialize(registration), StringComparison.Ordinal);
        Assert.Equal("demo", registration.Name);
        Assert.Contains(variable, Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Map_ManyAndLongTags_KeepsWhatFitsWithAWarning()
    {
        var tags = string.Join(',', Enumerable.Range(0, 270).Select(number => $"t{number}").Prepend(new string('x', 4096)).Prepend(new string('x', 4097)));

        var mapped = ContainerMapping.Map(Container("demo", "demo", ["80/udp=8080"], [$"SERVICE_TAGS={tags}"]), Context());

        var kept = mapped.Registrations[0].Tags!;
        Assert.Equal((258, 4096, "t0", "t254", "udp"), (kept.Length, kept[1].Length, kept[2], kept[^2], kept[^1]));
        Assert.Contains("16 of its tags", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Map_AsMuchAsFitsInEachPlaceAndAtEveryPort_StaysSmall()
    {
        var labels = Enumerable.Range(0, 57).ToDictionary(number => $"SERVICE_{number:d120}", _ => new string('x', 512));
        labels["SERVICE_TAGS"] = string.Join(',', Enumerable.Range(0, 256).Select(number => $"{number:d4096}"));

        var mapped = ContainerMapping.Map(Container("demo", "demo", [.. Enumerable.Range(1, 64).Select(port => $"{port}/tcp={port + 8000}")], labels: labels), Context());

        Assert.Equal((64, 5), (mapped.Registrations.Count, mapped.Registrations[0].Tags!.Length));
        Assert.InRange(System.Text.Json.JsonSerializer.Serialize(mapped.Registrations).Length, 1, 4 * 1024 * 1024);
        Assert.Contains("252 of its tags", Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 64)]
    [InlineData(65_535, 256)]
    public void Map_EveryPortAndHundredsOfLabels_TakesLittleMemory(int named, int registered)
    {
        var labels = Enumerable.Range(0, 500).ToDictionary(number => $"SERVICE_K{number:000}", number => $"{number}");
        foreach (var port in Enumerable.Range(1, named))
            labels[$"SERVICE_{port}_NAME"] = $"s{port}";
        var container = Container("demo", "demo", AllPorts, labels: labels) with { NetworkMode = "host" };

        var before = GC.GetAllocatedBytesForCurrentThread();
        var mapped = ContainerMapping.Map(container, Context());

        Assert.Equal(registered, mapped.Registrations.Count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000_000);
    }

    [Fact]
    public void Map_AnyMetadata_GivesWhatConsulTakes()
    {
        var key = Gen.OneOf(
            Gen.String[Gen.Char["ABCNTaz019_-. \0\u001fä"], 0, 150],
            Gen.OneOf("NAME", "ID", "TAGS", "80_ID", "81_TCP_ID", "81_UDP_ID", "443_ID", "80_NAME", "80_TCP_NAME", "CHECK_HTTP", "CHECK_HEADER", "CHECK_SCRIPT", "CHECK_TTL", "CHECK_PORT", "CHECK_INTERVAL", "80", "80_", "_"));
        var label = Gen.Select(Gen.OneOf("SERVICE_", "mesh.service.", "mesh.service", "mesh.deployment", "mesh.version"), key, (prefix, rest) => prefix + rest);
        var value = Gen.OneOf(Gen.String[0, 700], Gen.String[Gen.Char["'\"\\,{}$ \n"], 0, 30], Gen.OneOf("true", "10s", "{}", "[1]", "99999", "{\"a\":1}", "x", "x:81", "x:81:udp", "x:443", "a\tb", "a//b"));
        Gen.Dictionary(label, value)[0, 120].Sample(labels =>
        {
            var container = Container("demo", "demo", ["80/tcp=8080", "81/tcp=8081", "81/udp=8081", "443/tcp=8443"], labels: labels);

            var mapped = ContainerMapping.Map(container, Context(WithIp with { EnableScriptChecks = true }));

            Assert.Equal(mapped.Registrations.Count, mapped.Registrations.Select(registration => registration.ID).Distinct().Count());
            var checks = mapped.Registrations.SelectMany(registration => registration.Checks!).Select(check => check.CheckID).ToList();
            Assert.Equal(checks.Count, checks.Distinct().Count());
            foreach (var registration in mapped.Registrations)
            {
                Assert.NotEmpty(registration.Name!);
                Assert.True(InstanceIds.Fits(registration.ID!));
                Assert.InRange(registration.Meta!.Count, 7, 64);
                Assert.All(registration.Meta!, pair => Assert.True(MetaKey().IsMatch(pair.Key) && Encoding.UTF8.GetByteCount(pair.Value) <= 512));
                Assert.Equal("candidate", registration.Tags![0]);
                Assert.Equal(container.Id, registration.Meta!["mesh-container"]);
            }
        }, iter: 2000);
    }

    private static void AssertRefused(string label, string value, string said)
    {
        var container = Container("demo", "demo", ["80/tcp=8080"], labels: new Dictionary<string, string> { [label] = value });

        var mapped = ContainerMapping.Map(container, Context());

        Assert.Equal(7, Assert.Single(mapped.Registrations).Meta!.Count);
        Assert.Contains(said, Assert.Single(mapped.Warnings), StringComparison.Ordinal);
    }

    [GeneratedRegex("^[A-Za-z0-9_-]{1,128}$", RegexOptions.NonBacktracking)]
    private static partial Regex MetaKey();
}
