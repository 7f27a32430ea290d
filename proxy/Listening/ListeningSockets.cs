using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>
/// The sockets that Kestrel listens on: bound here, or inherited from the proxy that serves now. While both listen they
/// share one queue of connections; nobody is refused when the earlier one lets go.
/// </summary>
internal sealed class ListeningSockets : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly ConcurrentDictionary<string, Socket> inherited = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Socket> own = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<IConnectionListener> listeners = new();
    private readonly SocketTransportFactory transport;
    private volatile bool offered;
    private volatile bool handedOver;

    public ListeningSockets(IOptions<SocketTransportOptions> options, ILoggerFactory logs)
    {
        options.Value.CreateBoundListenSocket = Open;
        transport = new SocketTransportFactory(options, logs);
    }

    /// <summary>The addresses of all that is listened on, or was until the stop, such as <c>[::]:8000</c>.</summary>
    public ICollection<string> Own => own.Keys;

    /// <summary>Whether another proxy listens on the same sockets and has said that it serves.</summary>
    public bool AreHandedOver => handedOver;

    /// <summary>Whether another proxy has them, and may serve by now.</summary>
    public bool AreShared
    {
        get => offered || handedOver;
        set => offered = value;
    }

    /// <summary>To be listened on instead of a new socket wherever the address is wanted.</summary>
    public void Inherit(string address, Socket socket) => inherited[address] = socket;

    /// <summary>Whether the proxy that serves now has the port at another address, and not at this one: while it has, no other can be opened.</summary>
    public bool IsHeldElsewhere(IPEndPoint endpoint) =>
        !inherited.ContainsKey(endpoint.ToString()) && inherited.Keys.Any(address => IPEndPoint.Parse(address).Port == endpoint.Port);

    /// <summary>Closes what was inherited and is not wanted.</summary>
    public void DropRest()
    {
        foreach (var (address, _) in inherited)
        {
            if (inherited.TryRemove(address, out var socket))
                socket.Dispose();
        }
    }

    public void HandOver() => handedOver = true;

    /// <summary>
    /// Lends the descriptors of all that is listened on, by address, together with the addresses of what is closed. None is closed
    /// meanwhile: its number could be that of any connection then.
    /// </summary>
    public void Lend(Action<IReadOnlyDictionary<string, int>, IReadOnlyCollection<string>> use)
    {
        List<SafeSocketHandle> held = [];
        Dictionary<string, int> open = new(StringComparer.Ordinal);
        List<string> closed = [];
        try
        {
            foreach (var (address, socket) in own)
            {
                if (TryHold(socket.SafeHandle))
                {
                    held.Add(socket.SafeHandle);
                    open[address] = socket.SafeHandle.DangerousGetHandle().ToInt32();
                }
                else
                {
                    closed.Add(address);
                }
            }

            use(open, closed);
        }
        finally
        {
            held.ForEach(handle => handle.DangerousRelease());
        }
    }

    /// <summary>Takes no further connection; those that are open stay.</summary>
    public async Task StopAcceptingAsync()
    {
        foreach (var listener in listeners)
            await listener.UnbindAsync();
    }

    public bool CanBind(EndPoint endpoint) => transport.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var listener = await transport.BindAsync(endpoint, cancellationToken);
        listeners.Enqueue(listener);
        return listener;
    }

    private static bool TryHold(SafeSocketHandle handle)
    {
        var isHeld = false;
        try
        {
            handle.DangerousAddRef(ref isHeld);
        }
        catch (ObjectDisposedException)
        {
            // Said below.
        }

        return isHeld;
    }

    private Socket Open(EndPoint endpoint)
    {
        if (!inherited.TryRemove(endpoint.ToString()!, out var socket))
            socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        Descriptors.MarkShared(socket);
        own[socket.LocalEndPoint!.ToString()!] = socket;
        return socket;
    }
}
