using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ServiceMesh.Policy;
using ServiceMesh.Tests.Integration.Proxy.Traffic;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Health;

/// <summary>What the proxy finds out of instances that Consul calls healthy.</summary>
public sealed class HealthTests(ConsulFixture consul)
{
    [Fact]
    public async Task ANewInstanceThatDoesNotListen_GetsNoRequestUntilItDoes()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "b");
        await InTrafficAsync(scene, "b");
        await scene.ChangeAsync(document => document with { Traffic = new TrafficPolicy { Balance = Balance.First, Retries = new RetryPolicy(Attempts: 0) } });
        var port = FreePort.Next();

        await scene.Service.AddInstanceAsync("a", port, deployment: "all");
        await scene.Proxy.UntilAsync(scene.Service.Name, account => InstanceOf(account, "a") is { } a
            && a.GetProperty("probe").GetString() == "pending" && a.GetProperty("health").GetString() == "passing");
        for (var n = 0; n < 20; n++)
            Assert.Equal("b", await scene.WhoAsync());

        await using var backend = await Backend.StartAsync("a", port);
        await InTrafficAsync(scene, "a", "b");
        Assert.Equal("a", await scene.WhoAsync());
    }

    [Fact]
    public async Task AnInstanceThatFailsItsProbes_LeavesAndComesBack()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "a", "b");
        await scene.ChangeAsync(document => document with
        {
            Traffic = new TrafficPolicy { Probe = new ProbePolicy("/health", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), Failures: 2) },
        });
        await InTrafficAsync(scene, "a", "b");

        scene.Backend("a").IsWell = false;
        await InTrafficAsync(scene, "b");
        scene.Backend("a").IsWell = true;
        await InTrafficAsync(scene, "a", "b");

        Assert.True(scene.Backend("b").Probed > 0);
    }

    // Its name is also what its certificate is checked for.
    [Theory]
    [InlineData("shop.example", "shop.example")]
    [InlineData("*.shop.example", "127.0.0.1:PORT")]
    public async Task AProbe_AsksForTheRoutesHostWhereItIsOne(string host, string asked)
    {
        await using var proxy = await RunningProxy.StartAsync(consul.Address);
        await using var backend = await Backend.StartAsync("a");
        var service = new ServiceOnConsul(consul.Client) { RoutesOf = name => [new Route(host.Replace("shop", name, StringComparison.Ordinal), "/", StripPath: false)] };
        await service.AddInstanceAsync("a", backend.Port);
        await service.PromoteAsync("a");
        await service.ChangeAsync(document => document with { Traffic = new TrafficPolicy { Probe = new ProbePolicy("/health", TimeSpan.FromSeconds(1)) } });

        await Until.TrueAsync(() => Task.FromResult(backend.Probed > 0));

        var expected = asked.Replace("shop", service.Name, StringComparison.Ordinal).Replace("PORT", $"{backend.Port}", StringComparison.Ordinal);
        Assert.Equal(expected, backend.ProbedFor);
    }

    [Fact]
    public async Task AnInstanceWhoseConnectionsFail_IsEjectedAndNoRequestFails()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "a", "b");
        await InTrafficAsync(scene, "a", "b");
        await scene.ChangeAsync(document => document with
        {
            Traffic = new TrafficPolicy { Balance = Balance.RoundRobin, Passive = new PassivePolicy(Failures: 3, Ejection: TimeSpan.FromSeconds(1)) },
        });

        await scene.Backend("a").DisposeAsync();
        for (var n = 0; n < 12; n++)
            Assert.Equal("b", await scene.WhoAsync());

        // Out for its time, and afterwards for as long as nothing listens there.
        await scene.Proxy.UntilAsync(scene.Service.Name, account => InstanceOf(account, "a") is { } a
            && !a.GetProperty("inTraffic").GetBoolean() && a.GetProperty("ejectedUntil").ValueKind == JsonValueKind.String);
        await scene.Proxy.UntilAsync(scene.Service.Name, account => InstanceOf(account, "a") is { } a
            && !a.GetProperty("inTraffic").GetBoolean() && a.GetProperty("probe").GetString() == "pending");
    }

    [Fact]
    public async Task AnInstanceThatAnswersWithErrors_IsEjected()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "a", "b");
        await InTrafficAsync(scene, "a", "b");
        await scene.ChangeAsync(document => document with
        {
            Traffic = new TrafficPolicy
            {
                Balance = Balance.First,
                Passive = new PassivePolicy(ErrorShare: 0.5, Minimum: 5, Window: TimeSpan.FromMinutes(10), Ejection: TimeSpan.FromMinutes(1)),
            },
        });

        for (var n = 0; n < 5; n++)
        {
            using var answer = await scene.GetAsync("/status/500");
            Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        }

        await InTrafficAsync(scene, "b");
        Assert.Equal((5, 0), (scene.Backend("a").Asked, scene.Backend("b").Asked));
        var lines = (await scene.Proxy.Admin.GetStringAsync("/metrics", TestContext.Current.CancellationToken)).Split('\n')
            .Where(line => line.Contains($"instance=\"{scene.Service.Name}-a\"", StringComparison.Ordinal)).ToArray();
        Assert.EndsWith(" 1", Assert.Single(lines, line => line.StartsWith("mesh_proxy_ejected{", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.EndsWith(" 0", Assert.Single(lines, line => line.StartsWith("mesh_proxy_in_traffic{", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyProbesThatHang_KeepNoOtherServiceWaiting()
    {
        await using var scene = await TrafficScene.StartAsync(consul, "a");
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var other = new ServiceOnConsul(consul.Client);
        await other.PromoteAsync("all");
        var index = await other.ChangeAsync(document => document with
        {
            Traffic = new TrafficPolicy { Probe = new ProbePolicy("/", TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1)) },
        });
        await scene.Proxy.UntilAsync(other.Name, account => account.GetProperty("index").GetUInt64() >= index);
        foreach (var n in Enumerable.Range(0, 80))
            await other.AddInstanceAsync($"{n}", ((IPEndPoint)silent.LocalEndpoint).Port, deployment: "all");
        await scene.Proxy.UntilAsync(other.Name, account => account.GetProperty("instances").EnumerateArray().Count(one => one.GetProperty("probe").GetString() == "pending") == 80);

        await scene.AddAsync("b", deployment: "a");

        await InTrafficAsync(scene, "a", "b");
    }

    [Fact]
    public async Task ANewInstance_InSlowStart_GrowsToItsWholeShare()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "a");
        await scene.ChangeAsync(document => document with { Traffic = new TrafficPolicy { SlowStart = TimeSpan.FromSeconds(3) } });
        await scene.Proxy.UntilAsync(scene.Service.Name, account => WeightOf(account, "a") == 1);

        await scene.AddAsync("b", deployment: "all");

        await scene.Proxy.UntilAsync(scene.Service.Name, account => WeightOf(account, "a") == 1 && WeightOf(account, "b") < 1);
        await scene.Proxy.UntilAsync(scene.Service.Name, account => WeightOf(account, "b") == 1);
    }

    private static double? WeightOf(JsonElement account, string name) =>
        InstanceOf(account, name) is { } instance && instance.GetProperty("weight") is { ValueKind: JsonValueKind.Number } weight ? weight.GetDouble() : null;

    private static async Task InTrafficAsync(TrafficScene scene, params string[] names) => await scene.Proxy.UntilAsync(
        scene.Service.Name,
        account => names.SequenceEqual(account.GetProperty("instances").EnumerateArray()
            .Where(instance => instance.GetProperty("inTraffic").GetBoolean() && instance.GetProperty("probe").GetString() == "good")
            .Select(instance => instance.GetProperty("id").GetString()!.Split('-')[^1])));

    private static JsonElement? InstanceOf(JsonElement account, string name) => account.GetProperty("instances").EnumerateArray()
        .Where(instance => instance.GetProperty("id").GetString()!.EndsWith($"-{name}", StringComparison.Ordinal))
        .Select(instance => (JsonElement?)instance).SingleOrDefault();
}
