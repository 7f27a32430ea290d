using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
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

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(state, recursive: true);

    // The next one would wait for an answer, or take this one for one that serves on, and end as well.
    [Fact]
    public async Task Stop_NobodyIsAtTheDoorAnyMore()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        using var leaving = new LeavingProxy(snapshots, TimeProvider.System);
        using var takeover = new Takeover(
            new ListeningSockets(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance),
            snapshots,
            leaving,
            Substitute.For<IHostApplicationLifetime>(),
            Options.Create(new ProxyOptions { State = state }),
            TimeProvider.System,
            NullLogger<Takeover>.Instance);
        await takeover.StartedAsync(Ct);
        var door = new UnixDomainSocketEndPoint(Path.Combine(state, "takeover.sock"));
        using var before = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await before.ConnectAsync(door, Ct);

        await takeover.StopAsync(Ct);

        using var after = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var refused = await Assert.ThrowsAsync<SocketException>(async () => await after.ConnectAsync(door, Ct));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }
}
