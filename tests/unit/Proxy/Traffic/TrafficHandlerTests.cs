using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic;
using ServiceMesh.Proxy.Traffic.Choosing;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Proxy.Traffic.Upstreams;
using Xunit;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class TrafficHandlerTests
{
    // As "drain": "0s" may be over: between the look at the snapshot and the asking of the instance.
    [Fact]
    public async Task Handle_ADrainThatEndsBeforeTheInstanceIsAsked_EndsTheRequest()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        var state = DemoService.Publish(snapshots, DemoService.Document, index: 1).Traffic[0].State;
        Task? drained = null;
        // When it is asked is noted after that look, and before the asking.
        var time = new WatchedTime(() =>
        {
            if (state.InFlight == 1)
                drained ??= state.AbortAsync();
        });
        using var keys = new Keys(null!, null!);
        using var upstream = new Upstream(Options.Create(new ProxyOptions()));
        var forwarder = new Forwarder();
        var handler = new TrafficHandler(
            snapshots, new Chooser(keys, TimeProvider.System), keys, null!, forwarder, upstream, new BodyLimit(Options.Create(new ListeningOptions()), time), new PassiveHealth(null!, TimeProvider.System), null!,
            TrustedProxies.None, time, NullLogger<TrafficHandler>.Instance);

        await handler.HandleAsync(new DefaultHttpContext { Request = { Method = "GET", Path = "/" } });

        await drained!;
        Assert.True(forwarder.WasEnded);
        Assert.Equal(0, state.InFlight);
    }

    private sealed class WatchedTime(Action seen) : TimeProvider
    {
        public override long GetTimestamp()
        {
            seen();
            return base.GetTimestamp();
        }
    }

    private sealed class Forwarder : IHttpForwarder
    {
        /// <summary>Whether the request was ended when it came here.</summary>
        public bool WasEnded { get; private set; }

        public ValueTask<ForwarderError> SendAsync(
            HttpContext context, string destinationPrefix, HttpMessageInvoker httpClient, ForwarderRequestConfig requestConfig, HttpTransformer transformer) =>
            throw new NotSupportedException();

        public ValueTask<ForwarderError> SendAsync(
            HttpContext context,
            string destinationPrefix,
            HttpMessageInvoker httpClient,
            ForwarderRequestConfig requestConfig,
            HttpTransformer transformer,
            CancellationToken cancellationToken)
        {
            WasEnded = cancellationToken.IsCancellationRequested;
            return new ValueTask<ForwarderError>(ForwarderError.None);
        }
    }
}
