using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Traffic;
using ServiceMesh.Proxy.Traffic.Upstreams;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

/// <summary>The least rate of a body by HTTP/2: ten bytes a second here.</summary>
public sealed class RatedBodyTests : IDisposable
{
    private readonly Pipe pipe = new();
    private readonly FakeTimeProvider time = new();
    private readonly RatedBody body;
    private readonly byte[] buffer = new byte[100];
    private bool isAnswered;

    public RatedBodyTests() => body = new RatedBody(pipe.Reader.AsStream(), rate: 10, () => isAnswered, time);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => body.Dispose();

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 5)]
    [InlineData(9, 5)]
    public async Task Read_OfABodyThatIsTooSlow_Ends(int bytesASecond, int seconds)
    {
        for (var second = 1; second < seconds; second++)
            await ReadAsync(bytesASecond);
        var last = body.ReadAsync(buffer, Ct).AsTask();

        time.Advance(ListeningOptions.RateGrace);

        var error = await Assert.ThrowsAsync<BadHttpRequestException>(() => last.WaitAsync(TimeSpan.FromSeconds(20), Ct));
        Assert.Equal(StatusCodes.Status408RequestTimeout, error.StatusCode);
    }

    [Fact]
    public async Task Read_OfABodyThatIsFastEnough_GoesOn()
    {
        for (var second = 0; second < 60; second++)
            await ReadAsync(bytes: 20);
    }

    // The instance takes it in slowly: that is no fault of the client.
    [Fact]
    public async Task Read_TheTimeBetweenReads_DoesNotCount()
    {
        for (var hour = 0; hour < 10; hour++)
        {
            time.Advance(TimeSpan.FromHours(1));
            await pipe.Writer.WriteAsync(new byte[1], Ct);
            Assert.Equal(1, await body.ReadAsync(buffer, Ct));
        }
    }

    [Fact]
    public async Task Read_OnceTheAnswerHasBegun_MayTakeAsLongAsItLikes()
    {
        var before = body.ReadAsync(buffer, Ct).AsTask();
        isAnswered = true;
        time.Advance(TimeSpan.FromHours(1));
        await pipe.Writer.WriteAsync(new byte[1], Ct);
        Assert.Equal(1, await before.WaitAsync(TimeSpan.FromSeconds(20), Ct));

        await ReadAsync(bytes: 1, TimeSpan.FromHours(1));
    }

    [Theory]
    [InlineData("POST", "HTTP/2", UpstreamProtocol.Http, "text/plain", true)]
    [InlineData("POST", "HTTP/2", UpstreamProtocol.H2c, null, true)]
    [InlineData("POST", "HTTP/2", UpstreamProtocol.H2c, "application/grpc+proto", false)]
    [InlineData("POST", "HTTP/2", UpstreamProtocol.H2, "application/grpc", false)]
    [InlineData("POST", "HTTP/2", UpstreamProtocol.Http, "application/grpc", true)]
    [InlineData("CONNECT", "HTTP/2", UpstreamProtocol.Http, null, false)]
    [InlineData("POST", "HTTP/1.1", UpstreamProtocol.Http, "text/plain", false)]
    [InlineData("POST", "HTTP/2", UpstreamProtocol.Http, "text/plain", false, 0)]
    public void Set_EachKindOfRequest_HasARateOrNone(string method, string protocol, UpstreamProtocol upstream, string? type, bool isRated, int rate = 240)
    {
        var context = new DefaultHttpContext { Request = { Method = method, Protocol = protocol, ContentType = type } };
        var handler = new TrafficHandler(null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, time, null!);

        Assert.True(new BodyLimit(Options.Create(new ListeningOptions { MinBodyRate = rate }), time)
            .Set(new Exchange(context, handler), new Route(Host: null, "/", StripPath: false) { Upstream = upstream }));

        Assert.Equal(isRated, context.Request.Body is RatedBody);
    }

    // Bytes that are waited for; for a second, if nothing else is said.
    private async Task ReadAsync(int bytes, TimeSpan? wait = null)
    {
        var read = body.ReadAsync(buffer, Ct).AsTask();
        time.Advance(wait ?? TimeSpan.FromSeconds(1));
        await pipe.Writer.WriteAsync(new byte[bytes], Ct);
        Assert.Equal(bytes, await read.WaitAsync(TimeSpan.FromSeconds(20), Ct));
    }
}
