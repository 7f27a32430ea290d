using System.Net;

namespace ServiceMesh.Proxy.Admin;

/// <summary>The port for operators and monitoring; from the same sources as <see cref="ProxyOptions"/>.</summary>
internal sealed class AdminOptions
{
    /// <summary>The port, 1 to 65535; 0 takes a free one. Without it the one above the traffic port.</summary>
    public int? AdminPort { get; set; }

    /// <summary>The IP address that it listens on; other hosts reach it only where this is not a loopback address.</summary>
    public string AdminAddress { get; set; } = "127.0.0.1";

    /// <summary>What a request must bring as <c>Authorization: Bearer …</c>; needed where other hosts reach the port.</summary>
    public string? AdminToken { get; set; }

    /// <summary>A file with the token, in place of it.</summary>
    public string? AdminTokenFile { get; set; }

    public IPEndPoint EndPoint(int trafficPort) => new(IPAddress.Parse(AdminAddress), PortBeside(trafficPort));

    /// <summary>The port where the traffic port is that one; 0 for a free one.</summary>
    public int PortBeside(int trafficPort) => AdminPort ?? trafficPort switch { 0 => 0, IPEndPoint.MaxPort => trafficPort - 1, _ => trafficPort + 1 };

    /// <summary>The token, <c>null</c> if none is set.</summary>
    /// <exception cref="IOException">Its file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Its file may not be read.</exception>
    public string? Token() => AdminTokenFile is null ? AdminToken : File.ReadAllText(AdminTokenFile).Trim();
}
