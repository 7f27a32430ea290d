using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using Consul;
using ServiceMesh.Load;
using ServiceMesh.Tests.Integration;
using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

/// <summary>A whole mesh of its own on this machine, brought up and taken down by <c>./mesh</c>, with its own name and ports.</summary>
public sealed class Mesh : IAsyncLifetime
{
    private static readonly TimeSpan SetUp = TimeSpan.FromMinutes(15);

    private readonly AsyncDisposables started = new();
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(10) };

    public static string Root { get; } = typeof(Mesh).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(data => data.Key == "RepositoryRoot").Value!;

    internal static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["MESH_NAME"] = "mesh-test",
        ["MESH_PROXY_PORT"] = "18000",
        ["MESH_CONSUL_PORT"] = "18500",
        ["MESH_REGISTRY_PORT"] = "15000",
        ["REGISTRY"] = "localhost:15000",
    };

    internal static Uri Proxy { get; } = new("http://localhost:18000");

    internal static Uri ConsulAddress { get; } = new("http://127.0.0.1:18500");

    internal IConsulClient Consul { get; } = new ConsulClient(settings => settings.Address = ConsulAddress);

    /// <summary>Up, with the sample's images of v1, v2 and the broken v3 in the registry.</summary>
    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        await Succeed(RunMeshAsync(SetUp, "down"));
        started.Add(() => Succeed(RunMeshAsync(SetUp, "down")));
        await Succeed(RunMeshAsync(SetUp, "up"));
        await PushAsync(Root, "v1");
        await PushAsync(Root, "v2");
        using var broken = BrokenSource.Create(Root);
        await PushAsync(broken.Folder, "v3");
    });

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        ((IDisposable)Consul).Dispose();
        await started.DisposeAsync();
    }

    internal static Task<CommandResult> RunMeshAsync(TimeSpan deadline, params IEnumerable<string> arguments) =>
        Command.RunAsync(Path.Combine(Root, "mesh"), Settings, deadline, arguments);

    internal static Task<CommandResult> DeployerAsync(params IEnumerable<string> arguments) =>
        RunMeshAsync(TimeSpan.FromMinutes(4), ["deployer", .. arguments]);

    internal static Task<CommandResult> DeployAsync(string version, params IEnumerable<string> arguments) =>
        DeployerAsync(["deploy", Manifest, "--version", version, .. arguments]);

    internal static string Manifest => Path.Combine(Root, "recommendation-service", "service.yaml");

    internal static async Task<string> DockerAsync(params IEnumerable<string> arguments)
    {
        var result = await Command.RunAsync("docker", Settings, TimeSpan.FromMinutes(2), arguments);
        Assert.True(result.ExitCode == 0, $"docker {string.Join(' ', arguments)}: {result.Output}");
        return result.Output.Trim();
    }

    internal static async Task Succeed(Task<CommandResult> command)
    {
        var result = await command;
        Assert.True(result.ExitCode == 0, $"exit code {result.ExitCode}:\n{result.Output}");
    }

    /// <summary>The proxy's own account of the service.</summary>
    internal async Task<JsonElement> ServiceAsync(string service = "demo") =>
        await http.GetFromJsonAsync<JsonElement>(new Uri(Proxy, $"/services/{service}"), TestContext.Current.CancellationToken);

    /// <summary>What of the account says where the traffic goes; not how busy it is.</summary>
    internal async Task<string> TrafficAsync()
    {
        var service = await ServiceAsync();
        var targets = service.GetProperty("instances").EnumerateArray()
            .Where(instance => instance.GetProperty("inTraffic").GetBoolean())
            .Select(instance => instance.GetProperty("url").GetString());
        return string.Join(' ', [
            service.GetProperty("index").GetUInt64().ToString(System.Globalization.CultureInfo.InvariantCulture),
            service.GetProperty("version").GetString(), service.GetProperty("deployment").GetString(), .. targets]);
    }

    internal async Task<HttpResponseMessage> GetAsync(string path) =>
        await http.GetAsync(new Uri(Proxy, path), TestContext.Current.CancellationToken);

    internal async Task EnsureActiveAsync(string version)
    {
        using var answer = await GetAsync("/services/demo");
        if (answer.IsSuccessStatusCode && (await ServiceAsync()).GetProperty("version").GetString() == version)
            return;
        await Succeed(DeployAsync(version));
    }

    internal static LoadGenerator Load(string path = "/demo/1") =>
        LoadGenerator.Start(new Uri(Proxy, path), new LoadOptions { MinRequests = 2000, Rate = 300 });

    /// <summary>Asks again until the condition holds; fails at the deadline with what was last seen.</summary>
    internal static async Task EventuallyAsync(string what, Func<Task<bool>> condition, TimeSpan? deadline = null)
    {
        using var late = new CancellationTokenSource(deadline ?? TimeSpan.FromSeconds(60));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (!await HoldsAsync(condition))
        {
            try
            {
                await timer.WaitForNextTickAsync(late.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"not in time: {what}");
            }
        }
    }

    private static async Task<bool> HoldsAsync(Func<Task<bool>> condition)
    {
        try
        {
            return await condition();
        }
        catch (Exception error) when (error is HttpRequestException or ConsulRequestException or OperationCanceledException)
        {
            // A part that is being restarted does not answer.
            return false;
        }
    }

    private static async Task PushAsync(string source, string version)
    {
        var settings = new Dictionary<string, string>(Settings, StringComparer.Ordinal) { ["VERSION"] = version };
        await Succeed(Command.RunAsync(Path.Combine(source, "recommendation-service", "build-and-push-images.sh"), settings, SetUp));
    }
}

/// <summary>All tests of the whole mesh take turns: they restart its parts.</summary>
[CollectionDefinition(nameof(SharedMesh))]
public sealed class SharedMesh : ICollectionFixture<Mesh>;
