using System.Net;
using System.Net.Sockets;

namespace ServiceMesh.Bench.Proxy;

/// <summary>Ports for programs that must be told one.</summary>
internal static class Ports
{
    /// <summary>A port that is free at the moment.</summary>
    public static int Free()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
