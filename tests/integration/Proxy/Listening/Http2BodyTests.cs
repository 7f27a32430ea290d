using System.Net;
using System.Net.Http.Headers;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>A request's body by HTTP/2 that comes too slowly, beside other requests of the same connection.</summary>
public sealed class Http2BodyTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly SlowContent body = new();
    private RunningProxy proxy = null!;
    private Backend backend = null!;
    private ServiceOnConsul service = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(body.Dispose);
        proxy = started.Add(await RunningProxy.StartAsync(
            consul.Address, state: null, KeyValuePair.Create<string, string?>("H2cPort", "0"), KeyValuePair.Create<string, string?>("MinBodyRate", "1000")));
        backend = started.Add(await Backend.StartAsync("one"));
        service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index && account.GetProperty("instances").GetArrayLength() == 1);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    // A route to HTTP/1.1 leads to no gRPC, whatever a client calls its body.
    [Theory]
    [InlineData(false, "text/plain")]
    [InlineData(true, "text/plain")]
    [InlineData(true, "application/grpc")]
    public async Task Body_ThatComesMoreSlowlyThanTheRateAllows_IsEndedAlone(bool trickles, string type)
    {
        body.Trickles = trickles;
        body.Headers.ContentType = new MediaTypeHeaderValue(type);

        var (slow, held) = await AskAsync();

        Assert.Equal(HttpStatusCode.RequestTimeout, (await slow).StatusCode);
        await InFlightAsync(1);
        backend.Release();
        Assert.Equal(HttpStatusCode.OK, (await held).StatusCode);
    }

    [Fact]
    public async Task Body_ThatIsSilentForTheRoutesTimeout_IsEndedAlone()
    {
        await service.ChangeAsync(document => document with
        {
            Routes = [document.Routes[0], document.Routes[0] with { Path = "/brief" + document.Routes[0].Path, Timeout = TimeSpan.FromSeconds(2) }],
        });
        await Until.TrueAsync(async () =>
        {
            using var known = await proxy.Http.GetAsync($"/brief/{service.Name}/", Ct);
            return known.StatusCode == HttpStatusCode.OK;
        });

        var (silent, held) = await AskAsync("/brief");

        Assert.Equal(HttpStatusCode.RequestTimeout, (await silent).StatusCode);
        backend.Release();
        Assert.Equal(HttpStatusCode.OK, (await held).StatusCode);
    }

    // Two requests over one connection, of which the instance has both.
    private async Task<(Task<HttpResponseMessage> Silent, Task<HttpResponseMessage> Held)> AskAsync(string prefix = "")
    {
        var held = proxy.Http.SendAsync(Request(HttpMethod.Get, $"/{service.Name}/held"), Ct);
        await InFlightAsync(1);
        var request = Request(HttpMethod.Post, $"{prefix}/{service.Name}/names");
        request.Content = body;
        var silent = proxy.Http.SendAsync(request, Ct);
        await body.Begun.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        if (prefix.Length == 0)
            await InFlightAsync(2);
        return (silent, held);
    }

    private HttpRequestMessage Request(HttpMethod method, string path) =>
        new(method, $"http://localhost:{proxy.Ports[1]}{path}") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

    private Task InFlightAsync(int count) => proxy.UntilAsync(
        service.Name, account => account.GetProperty("instances")[0].GetProperty("inFlight").GetInt32() == count);

    /// <summary>A body of which one part comes, or a byte now and then, and no end.</summary>
    private sealed class SlowContent : HttpContent
    {
        private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Trickles { get; set; }

        public Task Begun => begun.Task;

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, Ct);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
            do
            {
                await stream.WriteAsync("a"u8.ToArray(), cancellationToken);
                await stream.FlushAsync(cancellationToken);
                begun.TrySetResult();
            }
            while (Trickles && await beat.WaitForNextTickAsync(cancellationToken));

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
