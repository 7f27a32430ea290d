using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>Every kind of gRPC call through the proxy, by the real client to the real server.</summary>
public sealed class GrpcTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static CallOptions Options => new(cancellationToken: Ct);

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task Unary_ItsAnswerAndItsTrailers_Arrive(UpstreamProtocol upstream)
    {
        using var channel = Channel(upstream);

        using var call = channel.CreateCallInvoker().AsyncUnaryCall(EchoService.OneMethod, host: null, Options, "mesh");

        Assert.Equal("hello mesh", await call.ResponseAsync);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Equal("one", call.GetTrailers().GetValue("x-end"));
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task ServerStreaming_AllAnswers_Arrive(UpstreamProtocol upstream)
    {
        using var channel = Channel(upstream);

        using var call = channel.CreateCallInvoker().AsyncServerStreamingCall(EchoService.ManyMethod, host: null, Options, "part");

        Assert.Equal(["part 1", "part 2", "part 3"], await call.ResponseStream.ReadAllAsync(Ct).ToListAsync(Ct));
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task ClientStreaming_AllRequests_Arrive(UpstreamProtocol upstream)
    {
        using var channel = Channel(upstream);
        using var call = channel.CreateCallInvoker().AsyncClientStreamingCall(EchoService.SumMethod, host: null, Options);

        foreach (var part in new[] { "a", "b", "c" })
            await call.RequestStream.WriteAsync(part, Ct);
        await call.RequestStream.CompleteAsync();

        Assert.Equal("abc", await call.ResponseAsync);
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2, "http")]
    [InlineData(UpstreamProtocol.H2c, "http")]
    [InlineData(UpstreamProtocol.H2c, "https")]
    public async Task Duplex_EachAnswer_ComesBeforeTheNextRequest(UpstreamProtocol upstream, string scheme)
    {
        using var channel = Channel(upstream, scheme);
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.TalkMethod, host: null, Options);

        foreach (var word in new[] { "one", "two", "three" })
        {
            await call.RequestStream.WriteAsync(word, Ct);
            Assert.True(await call.ResponseStream.MoveNext(Ct).WaitAsync(TimeSpan.FromSeconds(20), Ct));
            Assert.Equal("you said " + word, call.ResponseStream.Current);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Ct));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task Duplex_TheHeadersOfTheAnswer_ComeBeforeAnyMessage(UpstreamProtocol upstream)
    {
        using var channel = Channel(upstream);
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.TalkMethod, host: null, Options);

        var headers = await call.ResponseHeadersAsync.WaitAsync(TimeSpan.FromSeconds(20), Ct);

        Assert.Equal("yes", headers.GetValue("x-talk"));
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Ct));
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task AFailedCall_ItsStatusAndItsTrailers_Arrive(UpstreamProtocol upstream)
    {
        using var channel = Channel(upstream);
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(EchoService.FailMethod, host: null, Options, "not today");

        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);

        Assert.Equal((StatusCode.FailedPrecondition, "not today", "because"), (error.StatusCode, error.Status.Detail, error.Trailers.GetValue("x-why")));
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task ADeadline_ThatPasses_EndsTheCallOnBothSides(UpstreamProtocol upstream)
    {
        using var channel = Channel(upstream);
        var ended = mesh.Backend.Calls.NextEnd();
        var options = Options.WithDeadline(TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(300));
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(EchoService.WaitMethod, host: null, options, "");

        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        await ended.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task ACallThatIsGivenUp_EndsAtTheInstance(UpstreamProtocol upstream)
    {
        using var channel = Channel(upstream);
        var (begun, ended) = (mesh.Backend.Calls.NextBegin(), mesh.Backend.Calls.NextEnd());
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(EchoService.WaitMethod, host: null, new CallOptions(cancellationToken: giveUp.Token), "");

        await begun.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        await giveUp.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).StatusCode);
        await ended.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    // gRPC knows no path before the service's name: a host leads there.
    private GrpcChannel Channel(UpstreamProtocol upstream, string scheme = "http") => GrpcChannel.ForAddress(
        mesh.AddressFor(HttpVersion.Version20, scheme),
        new GrpcChannelOptions { HttpHandler = new BelowPath($"/{mesh.ServiceOf(upstream).Name}") { InnerHandler = mesh.Certificates.TrustingHandler() }, DisposeHttpClient = true });

    internal sealed class BelowPath(string prefix) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.RequestUri = new Uri(request.RequestUri!, prefix + request.RequestUri!.AbsolutePath);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
