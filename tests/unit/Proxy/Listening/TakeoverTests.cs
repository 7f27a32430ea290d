using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class TakeoverTests : IDisposable
{
    private readonly string state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
    private readonly ListeningSockets sockets = new(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
    private readonly IHostApplicationLifetime lifetime = Substitute.For<IHostApplicationLifetime>();
    private readonly TaskCompletionSource stopping = new();
    private readonly FakeTimeProvider time = new();
    private readonly LeavingProxy leaving;
    private readonly Takeover takeover;

    public TakeoverTests()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        leaving = new LeavingProxy(snapshots, time);
        takeover = new Takeover(
            sockets, snapshots, leaving, lifetime, Options.Create(new ProxyOptions { State = state }), time, NullLogger<Takeover>.Instance);
        lifetime.When(host => host.StopApplication()).Do(_ => stopping.TrySetResult());
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        takeover.Dispose();
        leaving.Dispose();
        Directory.Delete(state, recursive: true);
    }

    // The next one would wait for an answer, or take this one for one that serves on, and end as well.
    [Fact]
    public async Task Stop_NobodyIsAtTheDoorAnyMore()
    {
        await takeover.StartedAsync(Ct);
        using var before = await ConnectAsync();

        await takeover.StopAsync(Ct);

        var refused = await Assert.ThrowsAsync<SocketException>(ConnectAsync);
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Fact]
    public async Task Lend_TheNextOneIsTooLate_ServesOnAndLetsAnotherTakeOver()
    {
        await using var listening = await sockets.BindAsync(new IPEndPoint(IPAddress.Loopback, 0), Ct);
        await takeover.StartedAsync(Ct);
        using var late = await TakeAsync();
        Assert.True(sockets.AreShared);

        time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(0, await late.ReceiveAsync(new byte[1], Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct));
        Assert.False(sockets.AreShared);
        lifetime.DidNotReceive().StopApplication();

        using var next = await TakeAsync();
        await next.SendAsync("S"u8.ToArray(), Ct);
        await stopping.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        Assert.True(sockets.AreHandedOver);
        await takeover.StopAsync(Ct);
    }

    // Its word is there, and the earlier one has not read it yet when its patience ends.
    [Theory]
    [InlineData("S", true)]
    [InlineData("", false)]
    public async Task SaysSo_AtTheEndOfThePatience_CountsWhatWasSaidAndNothingLater(string said, bool serves)
    {
        using var listening = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listening.Bind(new UnixDomainSocketEndPoint(Path.Combine(state, "line.sock")));
        listening.Listen();
        using var next = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await next.ConnectAsync(listening.LocalEndPoint!, Ct);
        using var earlier = await listening.AcceptAsync(Ct);
        await next.SendAsync(Encoding.UTF8.GetBytes(said), Ct);

        var says = Takeover.SaysSoAsync(earlier, patience: new CancellationToken(canceled: true), Ct);

        if (serves)
            Assert.True(await says);
        else
            await Assert.ThrowsAsync<IOException>(() => says);
        Assert.Throws<SocketException>(() => next.Send("S"u8));
    }

    // Has the sockets, and has not said that it serves.
    private async Task<Socket> TakeAsync()
    {
        var next = await ConnectAsync();
        Assert.True(next.Poll(TimeSpan.FromSeconds(20), SelectMode.SelectRead));
        var (text, descriptors) = Descriptors.Receive(next);
        Assert.Equal(sockets.Own.Single(), Encoding.UTF8.GetString(text));
        foreach (var descriptor in descriptors)
            new SafeSocketHandle(descriptor, ownsHandle: true).Dispose();
        return next;
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(state, "takeover.sock")), Ct);
        return socket;
    }
}
