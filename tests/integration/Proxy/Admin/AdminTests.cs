using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Options;
using ServiceMesh.Policy;
using ServiceMesh.Tests.Integration.Proxy.Traffic;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Admin;

public sealed class AdminTests(ConsulFixture consul)
{
    private const string Token = "0123456789abcdef0123456789abcdef";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EachPort_LeadsToItsOwnPathsAlone()
    {
        await using var scene = await TrafficScene.StartAsync(consul, "one");
        var (traffic, admin) = (scene.Proxy.Http, scene.Proxy.Admin);

        foreach (var path in new[] { "/state", "/metrics", "/healthz", "/readyz", "/loss/confirm" })
            Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(traffic, path));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(admin, $"/{scene.Service.Name}/"));

        foreach (var path in new[] { "/state", "/metrics", "/healthz", "/readyz", "/services", $"/services/{scene.Service.Name}" })
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(admin, path));
        using var post = await admin.PostAsync("/state", content: null, Ct);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
        Assert.Equal("GET", Assert.Single(post.Content.Headers.Allow));
    }

    [Fact]
    public async Task State_TellsOfServicesInstancesIndexesAndCounters()
    {
        await using var scene = await TrafficScene.StartAsync(consul, "one", "two");
        await AskAsync(scene, "/", times: 3);
        await AskAsync(scene, "/status/500", times: 2);
        await AskAsync(scene, "/status/404", times: 1);

        var state = await scene.Proxy.Admin.GetFromJsonAsync<JsonElement>("/state", Ct);

        Assert.Equal("Consul", state.GetProperty("origin").GetString());
        Assert.Equal(JsonValueKind.Null, state.GetProperty("notReady").ValueKind);
        Assert.InRange(state.GetProperty("consulAnswerAgeSeconds").GetProperty("documents").GetDouble(), 0, 60);
        var service = Of(state, scene.Service.Name);
        var index = service.GetProperty("service").GetProperty("index").GetUInt64();
        Assert.True(state.GetProperty("appliedIndex").GetUInt64() >= index && index > 0);
        Assert.Equal(["active", "candidate"], service.GetProperty("service").GetProperty("instances").EnumerateArray().Select(one => one.GetProperty("stage").GetString()));
        Assert.Equal($"/{scene.Service.Name}", service.GetProperty("document").GetProperty("routes")[0].GetProperty("path").GetString());
        var counters = service.GetProperty("counters")[0];
        Assert.Equal((3, 1, 2), (Answers(counters, "2xx"), Answers(counters, "4xx"), Answers(counters, "5xx")));
        Assert.Equal((6, 2), Requests(counters.GetProperty("counters")));
        Assert.Equal((0, 0), Requests(service.GetProperty("counters")[1].GetProperty("counters")));
    }

    [Fact]
    public async Task Releases_OfASplit_CountEachTheirOwn_AndAnewAfterLeaving()
    {
        await using var scene = await TrafficScene.StartAsync(consul, "one", "two");
        await scene.ChangeAsync(document => document with { Split = new Split(TrafficScene.Release("two"), 0, new SplitMatch("X-Canary", "yes")) });
        await AskAsync(scene, "/", times: 4);
        await AskAsync(scene, "/status/503", times: 1, ("X-Canary", "yes"));
        await AskAsync(scene, "/", times: 2, ("X-Canary", "yes"));

        var releases = (await scene.Proxy.ServiceAsync(scene.Service.Name)).GetProperty("releases");

        Assert.Equal(["one", "two"], releases.EnumerateArray().Select(release => release.GetProperty("deployment").GetString()));
        Assert.Equal([100, 0], releases.EnumerateArray().Select(release => release.GetProperty("share").GetDouble()));
        var (active, canary) = (releases[0].GetProperty("counters"), releases[1].GetProperty("counters"));
        // The canary's failure was put aside, and the request went to nobody else: it has one instance.
        Assert.Equal(((4, 0), (3, 1)), (Requests(active), Requests(canary)));
        foreach (var counters in new[] { active, canary })
        {
            Assert.Equal(counters.GetProperty("requests").GetInt64(), counters.GetProperty("durations").EnumerateArray().Sum(bucket => bucket.GetProperty("count").GetInt64()));
            var (p50, p99) = (counters.GetProperty("p50Seconds").GetDouble(), counters.GetProperty("p99Seconds").GetDouble());
            Assert.True(p50 > 0 && p50 <= p99 && p99 < 60, $"{p50} {p99}");
        }

        await scene.ChangeAsync(document => document with { Split = null });
        await scene.ChangeAsync(document => document with { Split = new Split(TrafficScene.Release("two"), 10) });
        releases = (await scene.Proxy.ServiceAsync(scene.Service.Name)).GetProperty("releases");
        Assert.Equal(((4, 0), (0, 0)), (Requests(releases[0].GetProperty("counters")), Requests(releases[1].GetProperty("counters"))));
    }

    [Fact]
    public async Task Metrics_OfAnInstanceThatIsGone_AreGone()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "one", "two");
        await AskAsync(scene, "/", times: 40);
        var series = $"instance=\"{scene.Service.Name}-two\"";
        Assert.Contains(series, await MetricsAsync(scene.Proxy), StringComparison.Ordinal);

        await consul.Client.Agent.ServiceDeregister($"{scene.Service.Name}-two", Ct);
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").GetArrayLength() == 1);

        var left = await MetricsAsync(scene.Proxy);
        Assert.DoesNotContain(series, left, StringComparison.Ordinal);
        Assert.Contains($"instance=\"{scene.Service.Name}-one\"", left, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_OfRetriesRefusalsAndFailures_AreTheirs()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "one", "two");
        var port = scene.Backend("two").Port;
        await scene.Backend("two").DisposeAsync();
        // So that nobody else listens there.
        using var taken = new Socket(SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, port));
        // As many as the budget for retries has at the start.
        await AskAsync(scene, "/", times: 10);
        await scene.ChangeAsync(document => document with { Maintenance = new Maintenance(DateTimeOffset.UnixEpoch) });
        await AskAsync(scene, "/", times: 3);
        using var unrouted = await scene.Proxy.Http.GetAsync("/nowhere", Ct);

        var lines = (await MetricsAsync(scene.Proxy)).Split('\n');

        var failures = Value(lines, "mesh_proxy_failures_total", $"instance=\"{scene.Service.Name}-two\"", "reason=\"connect\"");
        Assert.True(failures > 0, string.Join('\n', lines));
        Assert.Equal(failures, Value(lines, "mesh_proxy_retries_total", scene.Service.Name));
        Assert.Equal(10, Value(lines, "mesh_proxy_requests_total", $"instance=\"{scene.Service.Name}-one\"", "code=\"2xx\""));
        Assert.Equal(10, Value(lines, "mesh_proxy_request_duration_seconds_count", $"instance=\"{scene.Service.Name}-one\""));
        Assert.Equal(3, Value(lines, "mesh_proxy_refused_total", scene.Service.Name, "reason=\"maintenance\""));
        Assert.Equal(0, Value(lines, "mesh_proxy_retries_denied_total", scene.Service.Name));
        Assert.True(Value(lines, "mesh_proxy_unrouted_total") >= 1);
        Assert.True(Value(lines, "mesh_proxy_apply_lag_seconds_count") >= 1);
    }

    [Fact]
    public async Task Metrics_OfASpentBudget_CountEachRetryThatWasNotAllowed()
    {
        await using var scene = await TrafficScene.StartTogetherAsync(consul, "one", "two");
        await scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Retries = new RetryPolicy(Attempts: 1, Budget: 0) } });

        // Ten are there at the start.
        await AskAsync(scene, "/status/503", times: 15);

        var lines = (await MetricsAsync(scene.Proxy)).Split('\n');
        Assert.Equal((10, 5), (Value(lines, "mesh_proxy_retries_total", scene.Service.Name), Value(lines, "mesh_proxy_retries_denied_total", scene.Service.Name)));
    }

    [Fact]
    public async Task Metrics_TheAgeOfWhatIsApplied_BeginsAnewWithEachChange()
    {
        await using var scene = await TrafficScene.StartAsync(consul, "one");
        await Until.TrueAsync(async () => await AgeAsync() > 0.1);
        var before = TimeProvider.System.GetTimestamp();

        await scene.ChangeAsync(document => document with { Maintenance = new Maintenance(DateTimeOffset.UnixEpoch) });

        Assert.InRange(await AgeAsync(), 0, TimeProvider.System.GetElapsedTime(before).TotalSeconds);

        async Task<double> AgeAsync() => Value((await MetricsAsync(scene.Proxy)).Split('\n'), "mesh_proxy_applied_age_seconds");
    }

    [Fact]
    public async Task Ready_BeforeAnythingIsKnown_Is503_WhileHealthIsGood()
    {
        await using var proxy = await RunningProxy.StartAsync(new Uri("http://127.0.0.1:1"));

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(proxy.Admin, "/healthz"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(proxy.Admin, "/readyz"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(proxy.Http, "/services/-/readyz"));
        await Until.TrueAsync(async () => Value((await MetricsAsync(proxy)).Split('\n'), "mesh_proxy_consul_failures_total") >= 3);
    }

    [Fact]
    public async Task Ready_WhileItStops_Is503UntilTheLastAnswer()
    {
        await using var scene = await TrafficScene.StartAsync(consul, "one");
        var held = scene.GetAsync("/held");
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances")[0].GetProperty("inFlight").GetInt32() == 1);

        var stop = scene.Proxy.StopAsync();

        await Until.TrueAsync(async () => await StatusAsync(scene.Proxy.Admin, "/readyz") == HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(scene.Proxy.Admin, "/metrics"));
        scene.Backend("one").Release();
        using var answer = await held;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await stop;
    }

    [Fact]
    public async Task TheDefaultAddress_IsClosedToOtherHosts()
    {
        await using var proxy = await RunningProxy.StartAsync(consul.Address);

        Assert.True(proxy.Admin.BaseAddress!.IsLoopback);
        using var client = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync(OwnAddress(), proxy.Admin.BaseAddress.Port, Ct).AsTask());
    }

    [Fact]
    public async Task AnOpenAddress_WithoutAToken_DoesNotStart()
    {
        var fault = await Assert.ThrowsAsync<OptionsValidationException>(
            () => RunningProxy.StartAsync(consul.Address, state: null, new("AdminAddress", "0.0.0.0"), new("LossShare", "2"), new("DrainLimit", "30.00:00:00")));

        // Together with what is wrong elsewhere.
        Assert.Contains("drainLimit 30.00:00:00 must be", fault.Message, StringComparison.Ordinal);
        Assert.Contains("adminAddress 0.0.0.0 is open to other hosts", fault.Message, StringComparison.Ordinal);
        Assert.Contains("lossShare 2 must be", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnOpenAddress_LetsInWhoeverHasTheToken()
    {
        await using var proxy = await RunningProxy.StartAsync(consul.Address, state: null, new("AdminAddress", "0.0.0.0"), new("AdminToken", Token));
        using var stranger = new HttpClient { BaseAddress = new Uri($"http://{OwnAddress()}:{proxy.Admin.BaseAddress!.Port}") };

        foreach (var path in new[] { "/state", "/metrics", "/services", "/anything" })
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(stranger, path));
        foreach (var path in new[] { "/healthz", "/readyz" })
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(stranger, path));

        stranger.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(stranger, "/state"));
        stranger.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token[1..]);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(stranger, "/state"));
    }

    [Fact]
    public async Task ATakenPort_IsNamedWithItsSetting()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(
            () => RunningProxy.StartAsync(consul.Address, state: null, new KeyValuePair<string, string?>("AdminPort", port.ToString(System.Globalization.CultureInfo.InvariantCulture))));

        Assert.StartsWith($"The admin port 127.0.0.1:{port} cannot be opened: ", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith("Choose another with --admin-port or --admin-address.", fault.Message, StringComparison.Ordinal);
    }

    private static async Task AskAsync(TrafficScene scene, string path, int times, params (string Name, string Value)[] headers)
    {
        for (var n = 0; n < times; n++)
            (await scene.GetAsync(path, headers)).Dispose();
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string path)
    {
        using var answer = await http.GetAsync(path, Ct);
        return answer.StatusCode;
    }

    private static Task<string> MetricsAsync(RunningProxy proxy) => proxy.Admin.GetStringAsync("/metrics", Ct);

    /// <summary>The value of the one series of that name that has all these in its labels.</summary>
    private static double Value(string[] lines, string name, params string[] labels) => double.Parse(
        Assert.Single(lines, line => (line.StartsWith(name + "{", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal))
            && labels.All(label => line.Contains(label, StringComparison.Ordinal))).Split(' ')[^1],
        System.Globalization.CultureInfo.InvariantCulture);

    private static JsonElement Of(JsonElement state, string service) =>
        Assert.Single(state.GetProperty("services").EnumerateArray(), told => told.GetProperty("service").GetProperty("service").GetString() == service);

    private static long Answers(JsonElement counters, string status) => counters.GetProperty("answers").GetProperty(status).GetInt64();

    private static (long Requests, long Errors) Requests(JsonElement counters) =>
        (counters.GetProperty("requests").GetInt64(), counters.GetProperty("errors").GetInt64());

    // As another host would come: by an address that is not loopback.
    private static IPAddress OwnAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(network => network.GetIPProperties().UnicastAddresses)
        .Select(address => address.Address)
        .First(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));
}
