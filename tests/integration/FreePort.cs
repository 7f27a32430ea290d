using System.Net;
using System.Net.Sockets;

namespace ServiceMesh.Tests.Integration;

/// <summary>Ports for whoever must know its own before it listens, or has it again after a restart.</summary>
internal static class FreePort
{
    // Below those that the system gives to whoever asks for any: one of these could be another's a moment later.
    private const int First = 20_000;
    private const int Range = 12_000;

    private static int taken = 2 * Random.Shared.Next(Range / 2);

    /// <summary>A port that is free as the one above it is: that is the admin port of a proxy.</summary>
    public static int Next()
    {
        while (true)
        {
            var port = First + (Interlocked.Add(ref taken, 2) % Range);
            if (IsFree(port) && IsFree(port + 1))
                return port;
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var free = new TcpListener(IPAddress.Any, port);
            free.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
