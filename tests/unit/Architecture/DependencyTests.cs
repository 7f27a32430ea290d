using ArchUnitNET.Loader;
using ArchUnitNET.xUnitV3;
using Xunit;
using static ArchUnitNET.Fluent.ArchRuleDefinition;
using Assembly = System.Reflection.Assembly;

namespace ServiceMesh.Tests.Unit.Architecture;

/// <summary>Dependencies run one way: consul ← mesh-model ← the programs; docker stands beside; the sample knows none of them.</summary>
public sealed class DependencyTests
{
    private static readonly Dictionary<string, Assembly> Rooms = new(StringComparer.Ordinal)
    {
        ["consul"] = typeof(Consul.ConsulClient).Assembly,
        ["mesh-model"] = typeof(ServiceDocument).Assembly,
        ["docker"] = typeof(Docker.DockerEngine).Assembly,
        ["proxy"] = Assembly.Load("proxy"),
        ["registry-sidecar"] = Assembly.Load("registry-sidecar"),
        ["deployer"] = Assembly.Load("deployer"),
        ["recommendation-service"] = Assembly.Load("RecommendationService"),
    };

    private static readonly ArchUnitNET.Domain.Architecture Loaded = new ArchLoader().LoadAssemblies([.. Rooms.Values]).Build();

    /// <summary>Each room with the rooms that it may use.</summary>
    public static TheoryData<string, string[]> Allowed => new()
    {
        { "consul", [] },
        { "docker", [] },
        { "mesh-model", ["consul"] },
        { "proxy", ["consul", "mesh-model"] },
        { "registry-sidecar", ["consul", "mesh-model", "docker"] },
        { "deployer", ["consul", "mesh-model", "docker"] },
        { "recommendation-service", [] },
    };

    [Theory]
    [MemberData(nameof(Allowed))]
    public void Room_ItsTypes_DependOnlyOnTheAllowedRooms(string room, string[] allowed)
    {
        foreach (var other in Rooms.Keys.Except([room, .. allowed]))
        {
            Types().That().ResideInAssembly(Rooms[room])
                .Should().NotDependOnAny(Types().That().ResideInAssembly(Rooms[other]))
                .Because($"{room} may use only: {string.Join(", ", allowed)}")
                .Check(Loaded);
        }
    }

    [Theory]
    [MemberData(nameof(Allowed))]
    public void Room_ItsReferences_AreOnlyTheAllowedRooms(string room, string[] allowed)
    {
        var names = Rooms.ToDictionary(pair => pair.Value.GetName().Name!, pair => pair.Key, StringComparer.Ordinal);
        var used = Rooms[room].GetReferencedAssemblies().Select(reference => names.GetValueOrDefault(reference.Name!)).OfType<string>();

        Assert.Subset(allowed.ToHashSet(), used.ToHashSet());
    }
}
