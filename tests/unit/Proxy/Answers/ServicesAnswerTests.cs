using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Answers;

public sealed class ServicesAnswerTests
{
    // What is asked of many services is built while others' requests come in.
    [Fact]
    public async Task Handle_OfAll_IsBuiltBesideTheThreadOfTheSocket()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        using var leaving = new LeavingProxy(snapshots, TimeProvider.System);
        var answer = Of(snapshots, leaving);
        using var written = new Written();
        var context = new DefaultHttpContext { Request = { Method = "GET", Path = "/" }, Response = { Body = written } };
        var handled = new TaskCompletionSource<Task>();
        var socket = new Thread(() => handled.SetResult(answer.HandleAsync(context)));

        socket.Start();
        await await handled.Task;

        Assert.NotEqual(0, written.Thread);
        Assert.NotEqual(socket.ManagedThreadId, written.Thread);
    }

    // A deployer asks by the address.
    [Theory]
    [InlineData("10.0.0.5", true)]
    [InlineData("10.0.0.5:8000", true)]
    [InlineData("[fd00::5]:8000", true)]
    [InlineData("prod", true)]
    [InlineData("shop.example", false)]
    [InlineData("shop.example:8000", false)]
    [InlineData("1234", false)]
    [InlineData("0x7f:8000", false)]
    public void IsAsked_TheHostHasRoutesOfItsOwn_AnAddressIsAlwaysTheProxys(string host, bool expected)
    {
        var document = ServiceDocument.Create("shop", [.. ((string[])["10.0.0.5", "[fd00::5]", "shop.example", "1234", "0x7f"]).Select(own => new Route(own, "/", StripPath: false))]);
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(
            DocumentSet.Of([new StoredDocument("shop", document, 1, Fault: null)]),
            new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal),
            MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));
        using var leaving = new LeavingProxy(snapshots, TimeProvider.System);

        Assert.Equal(expected, Of(snapshots, leaving).IsAsked(new DefaultHttpContext { Request = { Host = new HostString(host), Path = "/services/shop" } }));
    }

    private static ServicesAnswer Of(SnapshotHolder snapshots, LeavingProxy leaving) => new(
        snapshots,
        new LastGoodFile(Options.Create(new ProxyOptions()), TimeProvider.System, NullLogger<LastGoodFile>.Instance),
        new ListeningSockets(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance),
        leaving);

    private sealed class Written : MemoryStream
    {
        public int Thread { get; private set; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Thread = Environment.CurrentManagedThreadId;
            return base.WriteAsync(buffer, cancellationToken);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            Thread = Environment.CurrentManagedThreadId;
            return base.WriteAsync(buffer, offset, count, cancellationToken);
        }
    }
}
