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
        var answer = new ServicesAnswer(
            snapshots,
            new LastGoodFile(Options.Create(new ProxyOptions()), TimeProvider.System, NullLogger<LastGoodFile>.Instance),
            new ListeningSockets(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance),
            leaving);
        using var written = new Written();
        var context = new DefaultHttpContext { Request = { Method = "GET", Path = "/" }, Response = { Body = written } };
        var handled = new TaskCompletionSource<Task>();
        var socket = new Thread(() => handled.SetResult(answer.HandleAsync(context)));

        socket.Start();
        await await handled.Task;

        Assert.NotEqual(0, written.Thread);
        Assert.NotEqual(socket.ManagedThreadId, written.Thread);
    }

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
