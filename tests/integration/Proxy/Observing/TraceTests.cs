using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Observing;

/// <summary>Traces of a proxy in a process of its own, for OpenTelemetry is set up by the environment.</summary>
public sealed class TraceTests(ConsulFixture consul) : IAsyncLifetime
{
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string ClientSpan = "00f067aa0ba902b7";

    private readonly AsyncDisposables started = new();
    private readonly string state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
    private readonly int port = FreePort.Next();
    private ServiceOnConsul service = null!;
    private OtlpReceiver collector = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(() => Directory.Delete(state, recursive: true));
        collector = started.Add(await OtlpReceiver.StartAsync());
        var backend = started.Add(await Backend.StartAsync("one"));
        service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        await service.PromoteAsync("one");
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task ARequest_WithTracingOff_PassesOnWhatTheClientTells()
    {
        using var proxy = await StartAsync();

        Assert.Equal($"00-{Trace}-{ClientSpan}-01", await AskAsync("01"));
        Assert.Equal("", await AskAsync(flags: null));
    }

    [Fact]
    public async Task ARequest_OfATrace_GoesOnInItWithSpansOfTheProxy()
    {
        using var proxy = await StartAsync(Exporting());

        var told = (await AskAsync("01")).Split('-');

        Assert.Equal(("00", Trace, "01"), (told[0], told[1], told[3]));
        Assert.NotEqual(ClientSpan, told[2]);
        // The client's span is the parent of one, which is the parent of the one that the instance was told of.
        await Until.TrueAsync(() => Task.FromResult(collector.Has(
            Convert.FromHexString(Trace),
            Convert.FromHexString(ClientSpan),
            Convert.FromHexString(told[2]),
            "mesh-proxy"u8.ToArray(),
            Encoding.UTF8.GetBytes($"GET /{service.Name}"),
            "mesh.release"u8.ToArray(),
            Encoding.UTF8.GetBytes($"{service.Name}-one"),
            "http.response.status_code"u8.ToArray())));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ARequest_ItsStateAndItsBaggage_ArePassedOn(bool isTraced)
    {
        using var proxy = await StartAsync(isTraced ? Exporting() : []);

        var told = await ToldAsync("01");

        Assert.Equal(isTraced, told[0] != $"00-{Trace}-{ClientSpan}-01");
        Assert.Equal(("vendor=1,other=2", "user=a;p=1,b=%20"), (told[1], told[2]));
    }

    // The protocol that is OpenTelemetry's where nothing is said.
    [Fact]
    public async Task ARequest_ToACollectorOfNoProtocolThatIsNamed_IsToldOfByGrpc()
    {
        var byGrpc = started.Add(await OtlpReceiver.StartAsync(HttpProtocols.Http2));
        using var proxy = await StartAsync(("OTEL_EXPORTER_OTLP_ENDPOINT", byGrpc.Address.ToString()), ("OTEL_BSP_SCHEDULE_DELAY", "50"));

        await AskAsync("01");

        await Until.TrueAsync(() => Task.FromResult(byGrpc.Has(Convert.FromHexString(Trace), Encoding.UTF8.GetBytes($"GET /{service.Name}"))));
    }

    [Fact]
    public async Task ARequest_OfAMethodThatNobodyKnows_NamesNoSpanByIt()
    {
        using var proxy = await StartAsync(Exporting());

        await AskAsync("01", "MADEUP");

        await Until.TrueAsync(() => Task.FromResult(collector.Has(
            Convert.FromHexString(Trace), Encoding.UTF8.GetBytes($"HTTP /{service.Name}"), "_OTHER"u8.ToArray(), "MADEUP"u8.ToArray())));
        Assert.False(collector.Has(Encoding.UTF8.GetBytes($"MADEUP /{service.Name}")));
    }

    [Fact]
    public async Task ARequest_ThatNobodyTraces_BeginsATrace()
    {
        using var proxy = await StartAsync(Exporting());

        var told = (await AskAsync(flags: null)).Split('-');

        Assert.Equal("01", told[3]);
        await Until.TrueAsync(() => Task.FromResult(collector.Has(Convert.FromHexString(told[1]), Convert.FromHexString(told[2]))));
    }

    [Fact]
    public async Task ARequest_OfATraceThatIsNotSampled_StaysSo()
    {
        using var proxy = await StartAsync(Exporting());

        Assert.Equal($"00-{Trace}-{ClientSpan}-00", await AskAsync("00"));

        // A later one is there: the earlier one would be, too.
        var later = (await AskAsync(flags: null)).Split('-');
        await Until.TrueAsync(() => Task.FromResult(collector.Has(Convert.FromHexString(later[1]))));
        Assert.False(collector.Has(Convert.FromHexString(Trace)));
    }

    [Fact]
    public async Task ASampler_ThatWantsNone_IsRespected()
    {
        using var proxy = await StartAsync([.. Exporting(), ("OTEL_TRACES_SAMPLER", "parentbased_always_off")]);

        var told = (await AskAsync(flags: null)).Split('-');

        Assert.Equal("00", told[3]);
    }

    private (string Name, string Value)[] Exporting() =>
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address.ToString()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];

    private Task<ProxyProcess> StartAsync(params (string Name, string Value)[] environment) =>
        ProxyProcess.StartReadyAsync(consul.Address, port, state, environment);

    /// <returns>The trace as the instance was told of it.</returns>
    private async Task<string> AskAsync(string? flags, string method = "GET") => (await ToldAsync(flags, method))[0];

    /// <returns>What the instance was told: <c>traceparent</c>, <c>tracestate</c>, <c>baggage</c>.</returns>
    private async Task<string[]> ToldAsync(string? flags, string method = "GET")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), $"http://127.0.0.1:{port}/{service.Name}/trace");
        if (flags is not null)
        {
            request.Headers.Add("traceparent", $"00-{Trace}-{ClientSpan}-{flags}");
            request.Headers.Add("tracestate", "vendor=1,other=2");
            request.Headers.Add("baggage", "user=a;p=1,b=%20");
        }

        using var client = new HttpMessageInvoker(new SocketsHttpHandler { ActivityHeadersPropagator = null });
        using var answer = await client.SendAsync(request, Ct);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadAsStringAsync(Ct)).Split('\n');
    }
}
