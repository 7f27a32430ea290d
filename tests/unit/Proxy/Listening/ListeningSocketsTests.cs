using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class ListeningSocketsTests
{
    private readonly ListeningSockets sockets = new(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);

    // .NET tells the number of a closed socket still, and another connection may have it by then.
    [Fact]
    public async Task Lend_OneIsClosed_TellsItsAddressWithoutItsNumber()
    {
        await using var open = await BindAsync();
        var closed = await BindAsync();
        await closed.UnbindAsync(TestContext.Current.CancellationToken);

        sockets.Lend((lent, left) =>
        {
            Assert.Equal([$"{open.EndPoint}"], lent.Keys);
            Assert.Equal([$"{closed.EndPoint}"], left);
        });

        Assert.Equal(2, sockets.Own.Count);
    }

    private ValueTask<IConnectionListener> BindAsync() =>
        sockets.BindAsync(new IPEndPoint(IPAddress.Loopback, 0), TestContext.Current.CancellationToken);
}
