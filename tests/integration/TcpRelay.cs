using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration;

/// <summary>
/// Hands bytes on between its clients, by mutual TLS if so told, and a port of this host, and can vanish as a host does whose cable is pulled.
/// </summary>
internal sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Socket> open = [];
    private readonly ConcurrentBag<Task> pumps = [];
    private readonly SslServerAuthenticationOptions? tls;
    private readonly Task accepting;

    private TcpRelay(int target, SslServerAuthenticationOptions? tls)
    {
        this.tls = tls;
        listener.Start();
        accepting = AcceptAsync(target);
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TcpRelay Start(int target) => new(target, tls: null);

    /// <summary>Starts one that speaks TLS, and only with whoever has a certificate of the same authority.</summary>
    public static TcpRelay Start(int target, CertificateFiles certificates)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(certificates.Authority);
        return new TcpRelay(target, new SslServerAuthenticationOptions
        {
            ServerCertificate = X509Certificate2.CreateFromPemFile(certificates.Server, certificates.ServerKey),
            ClientCertificateRequired = true,
            CertificateChainPolicy = policy,
        });
    }

    /// <summary>What comes over the connections that are open now is not so much as acknowledged any more; new ones are served.</summary>
    public void Vanish()
    {
        const int SolSocket = 1, AttachFilter = 26;
        // A filter of one instruction, BPF_RET with 0: nothing of a packet is kept (socket(7), SO_ATTACH_FILTER).
        var nothing = Marshal.AllocHGlobal(sizeof(long));
        Marshal.WriteInt64(nothing, 6);
        byte[] program = [1, 0, 0, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(nothing.ToInt64())];
        foreach (var socket in open.Where(socket => socket.Connected))
            socket.SetRawSocketOption(SolSocket, AttachFilter, program);
        Marshal.FreeHGlobal(nothing);
    }

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        foreach (var socket in open)
            socket.Dispose();
        await Task.WhenAll([accepting, .. pumps]);
    }

    private async Task AcceptAsync(int target)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync(Ct);
                open.Add(client);
                pumps.Add(PumpAsync(client, target));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task PumpAsync(Socket client, int target)
    {
        try
        {
            using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await server.ConnectAsync(IPAddress.Loopback, target, Ct);
            await using NetworkStream near = new(client, ownsSocket: true), other = new(server);
            await using var one = await WithinTlsAsync(near);
            await await Task.WhenAny(one.CopyToAsync(other, Ct), other.CopyToAsync(one, Ct));
        }
        catch (Exception error) when (error is IOException or AuthenticationException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One of both sides is gone, or not let in.
        }
    }

    private async Task<Stream> WithinTlsAsync(NetworkStream client)
    {
        if (tls is null)
            return client;
        var secured = new SslStream(client);
        await secured.AuthenticateAsServerAsync(tls, Ct);
        return secured;
    }
}
