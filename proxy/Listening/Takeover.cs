using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Listening;

/// <summary>
/// Takes over from the proxy that serves on the same ports and with the same state folder, and lets the next one take over:
/// the new one asks for the listening sockets, listens, and says that it serves; only then the earlier one leaves.
/// </summary>
internal sealed partial class Takeover(
    ListeningSockets sockets,
    SnapshotHolder snapshots,
    LeavingProxy leaving,
    IHostApplicationLifetime lifetime,
    IOptions<ProxyOptions> options,
    TimeProvider time,
    ILogger<Takeover> log) : IHostedLifecycleService, IDisposable
{
    // One byte, so that it cannot come in parts.
    private static readonly byte[] Serving = "S"u8.ToArray();

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string path = Path.Combine(options.Value.State, "takeover.sock");
    private readonly CancellationTokenSource stop = new();
    private Socket? earlier;
    private string[] addresses = [];
    private Socket? door;
    private Task letting = Task.CompletedTask;

    /// <summary>After the first snapshot is there, or the wait for it is over, and before Kestrel listens.</summary>
    /// <exception cref="InvalidOperationException">Another proxy serves, and this one could not.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(path))
            return Task.CompletedTask;
        try
        {
            earlier = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            earlier.Connect(new UnixDomainSocketEndPoint(path));
            if (snapshots.Current.Origin == SnapshotOrigin.None)
                throw new InvalidOperationException("another proxy serves here, and goes on: this one has learned of no service, neither from Consul nor from its state folder, and does not take over. Start it again when Consul answers");
            if (!earlier.Poll(Patience, SelectMode.SelectRead))
                throw new IOException($"it gave no answer within {Patience}");
            var (text, descriptors) = Descriptors.Receive(earlier);
            if (text.Length == 0)
                throw new IOException("it has ended");
            addresses = Encoding.UTF8.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            foreach (var (address, descriptor) in addresses.Zip(descriptors))
                sockets.Inherit(address, new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)));
            leaving.Expect();
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            // What an ended proxy left behind.
            Forget();
        }
        catch (Exception error) when (error is SocketException or IOException or ArgumentOutOfRangeException)
        {
            NotTaken(path, error.Message);
            Forget();
        }

        return Task.CompletedTask;
    }

    /// <summary>Everything is up, Kestrel listens.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        sockets.DropRest();
        if (earlier is not null && !addresses.Any(sockets.Own.Contains))
        {
            OtherPorts(path);
            Forget();
            return Task.CompletedTask;
        }

        if (earlier is { } left)
        {
            try
            {
                left.Send(Serving);
                Taken(string.Join(", ", sockets.Own));
                earlier = null;
                leaving.Follow(left);
            }
            catch (SocketException) when (ServesStill())
            {
                TooLate(Patience);
                // It takes no connection more, and leaves what it has been asked to the one that serves.
                sockets.HandOver();
                Forget();
                Environment.ExitCode = 1;
                lifetime.StopApplication();
                return Task.CompletedTask;
            }
            catch (SocketException)
            {
                // It ended by itself meanwhile.
                Forget();
            }
        }

        // Now, and not before: the next one must meet no proxy that may yet have to leave.
        if (OperatingSystem.IsLinux())
            Open();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stop.CancelAsync();
        await letting;
        // Whoever finds nobody at the door knows that this one does not serve on.
        door?.Dispose();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        Forget();
        door?.Dispose();
        stop.Dispose();
    }

    // The earlier one, which waits no longer for this one.
    private bool ServesStill()
    {
        using var again = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            again.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Forget()
    {
        if (earlier is null)
            return;
        earlier.Dispose();
        earlier = null;
        leaving.Forget();
    }

    private void Open()
    {
        try
        {
            Directory.CreateDirectory(options.Value.State);
            // Bound beside and renamed over: there is always one to ask. And .NET deletes the file of a socket that it closes
            // by the name it was bound to, which must not be the next proxy's.
            var beside = Path.Combine(options.Value.State, Path.GetRandomFileName());
            door = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            door.Bind(new UnixDomainSocketEndPoint(beside));
            door.Listen();
            File.Move(beside, path, overwrite: true);
            letting = LetAsync(door, stop.Token);
        }
        catch (Exception error) when (error is SocketException or IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            NotOffered(path, error.Message);
        }
    }

    private async Task LetAsync(Socket listening, CancellationToken ct)
    {
        try
        {
            while (!sockets.AreHandedOver)
            {
                using var next = await listening.AcceptAsync(ct);
                sockets.AreShared = true;
                if (!await LetTakeAsync(next, ct))
                {
                    sockets.AreShared = false;
                    continue;
                }

                sockets.HandOver();
                lifetime.StopApplication();
                await leaving.AnswerAsync(next, ct);
            }
        }
        catch (OperationCanceledException)
        {
            // The stop.
        }
        catch (SocketException error)
        {
            NotOffered(path, error.Message);
        }
    }

    /// <summary>Whether the next one serves: one that ends before it said so changes nothing.</summary>
    private async Task<bool> LetTakeAsync(Socket next, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        // Disposed of behind its last call: it must not meet a source that is disposed of.
        await using var timer = time.CreateTimer(_ => patience.Cancel(), state: null, Patience, Timeout.InfiniteTimeSpan);
        try
        {
            // Of a proxy that is stopping some are closed. The next one is told of them, too, and opens them by itself.
            sockets.Lend((open, closed) => Descriptors.Send(
                next, Encoding.UTF8.GetBytes(string.Join('\n', open.Keys.Concat(closed))), [.. open.Values]));
            return await SaysSoAsync(next, patience.Token, ct);
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            Kept(error.Message);
            return false;
        }
    }

    /// <summary>Whether the next one says that it serves, be it in the last moment.</summary>
    /// <exception cref="IOException">It did not in time, and cannot any more.</exception>
    internal static async Task<bool> SaysSoAsync(Socket next, CancellationToken patience, CancellationToken ct)
    {
        var said = new byte[1];
        try
        {
            return await next.ReceiveAsync(said, patience) == 1;
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            // Both must hold it for the same, or both would serve: what the next one says from now on it fails to send, and what it has
            // said by now counts. It can ask nothing over this line then.
            next.Shutdown(SocketShutdown.Receive);
            return next.Receive(said) == 1 ? true : throw new IOException($"it did not within {Patience}", error);
        }
    }

    [LoggerMessage(LogLevel.Information, "Took over {Addresses} from the proxy that served before")]
    private partial void Taken(string addresses);

    [LoggerMessage(LogLevel.Warning, "The proxy behind {Path} could not be asked for its sockets: {Reason}")]
    private partial void NotTaken(string path, string reason);

    [LoggerMessage(LogLevel.Error, "It took more than {Patience} from having the sockets to serving: the proxy that served before serves on, and this one ends")]
    private partial void TooLate(TimeSpan patience);

    [LoggerMessage(LogLevel.Warning, "A proxy with other ports serves with the same state folder: {Path} stays its own. Give each its folder (--state)")]
    private partial void OtherPorts(string path);

    [LoggerMessage(LogLevel.Warning, "No other proxy will be able to take over: {Path}: {Reason}")]
    private partial void NotOffered(string path, string reason);

    [LoggerMessage(LogLevel.Warning, "A proxy asked for the sockets and did not come to serve: {Reason}")]
    private partial void Kept(string reason);
}
