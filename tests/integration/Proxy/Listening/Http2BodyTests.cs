using System.Net;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>A request's body by HTTP/2 that falls silent, beside other requests of the same connection.</summary>
public sealed class Http2BodyTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly SilentContent body = new();
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

    [Fact]
    public async Task Body_ThatFallsSilentForLongerThanTheRateAllows_EndsNoRequest()
    {
        var (silent, held) = await AskAsync();
        // By HTTP/1.1 one that began to be silent later is ended by then.
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);
        Assert.Equal(408, (await raw.AskAsync($"POST /{service.Name}/names HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")).Status);

        body.End();
        backend.Release();

        Assert.All(await Task.WhenAll(silent, held), answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
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

    /// <summary>A body of which one part comes, and the end when the test says so.</summary>
    private sealed class SilentContent : HttpContent
    {
        private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Begun => begun.Task;

        public void End() => end.TrySetResult();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, Ct);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync("abc"u8.ToArray(), cancellationToken);
            await stream.FlushAsync(cancellationToken);
            begun.TrySetResult();
            await end.Task.WaitAsync(cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
