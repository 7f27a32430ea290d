using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using Docker.DotNet;
using Docker.DotNet.NativeHttp;

namespace ServiceMesh.Docker;

/// <summary>The way to a Docker Engine.</summary>
public static class DockerEngine
{
    // What the client library was written for; an older Engine is spoken to in its own, lower version.
    private static readonly Version Newest = new(1, 44);

    /// <summary>
    /// Where the docker command finds the Engine: <c>DOCKER_HOST</c>, then the context, then the local socket.
    /// </summary>
    public static Uri DefaultEndpoint
    {
        get
        {
            using var client = new DockerClientBuilder().Build();
            return client.Options.Endpoint;
        }
    }

    /// <summary>
    /// Connects to the Engine at <paramref name="endpoint"/>, or where none is given at <see cref="DefaultEndpoint"/>, in the
    /// highest API version that both sides know.
    /// </summary>
    /// <param name="endpoint">
    /// <c>unix:///…</c>, <c>tcp://…</c> (with TLS if there are certificates), or <c>ssh://user@host:port</c>, where the
    /// <c>ssh</c> command runs <c>docker system dial-stdio</c> as the docker command does.
    /// </param>
    /// <param name="certificates">For <c>tcp</c>; <c>null</c> for a connection without TLS.</param>
    /// <param name="ct">Ends the attempt.</param>
    /// <exception cref="DockerUnreachableException">The Engine does not answer.</exception>
    public static async Task<DockerClient> ConnectAsync(Uri? endpoint, DockerCertificates? certificates, CancellationToken ct)
    {
        endpoint ??= DefaultEndpoint;
        // Without a version in its path, /version is answered by every Engine.
        using var probe = Build(endpoint, certificates, version: null);
        try
        {
            var answer = await probe.System.GetVersionAsync(ct);
            if (!Version.TryParse(answer.APIVersion, out var spoken))
                throw new DockerUnreachableException(endpoint, new InvalidDataException("what answers there tells no API version, so it is no Docker"));
            return Build(endpoint, certificates, spoken < Newest ? spoken : Newest);
        }
        // The library collects a refused TCP connection in an AggregateException.
        catch (Exception error) when (error.GetBaseException() is HttpRequestException or IOException or TimeoutException or SocketException
            or AuthenticationException or DockerApiException or JsonException)
        {
            throw new DockerUnreachableException(endpoint, error);
        }
    }

    /// <summary>The same with the certificates that the docker command would use.</summary>
    /// <exception cref="DockerUnreachableException">The Engine does not answer.</exception>
    /// <exception cref="DockerCertificatesException">They cannot be read.</exception>
    public static Task<DockerClient> ConnectAsync(Uri? endpoint, CancellationToken ct) =>
        ConnectAsync(endpoint, DockerCertificates.FromEnvironment(), ct);

    /// <summary>An address as it may be told: without a password that it may hold.</summary>
    public static string Shown(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return endpoint.UserInfo.Contains(':', StringComparison.Ordinal)
            ? new UriBuilder(endpoint) { UserName = "", Password = "" }.Uri.ToString()
            : endpoint.ToString();
    }

    private static DockerClient Build(Uri endpoint, DockerCertificates? certificates, Version? version)
    {
        var builder = new DockerClientBuilder().WithApiVersion(version);
        return endpoint.Scheme switch
        {
            "unix" => OverStream(builder, ct => SocketAsync(endpoint.LocalPath, ct)).Build(),
            "ssh" => OverStream(builder, _ => ValueTask.FromResult<Stream>(SshStream.Open(endpoint))).Build(),
            "tcp" or "http" or "https" => OverNetwork(builder, endpoint, certificates).Build(),
            _ => builder.WithEndpoint(endpoint).Build(),
        };
    }

    // The library's own way to a socket connects anew for every call; .NET's HTTP client keeps its connections.
    private static DockerClientBuilder<NativeHttpTransportOptions> OverStream(
        DockerClientBuilder builder, Func<CancellationToken, ValueTask<Stream>> open) => builder
        .WithEndpoint(new Uri("http://localhost"))
        .WithTransportOptions(new NativeHttpTransportOptions
        {
            ConfigureHandler = handler => handler.ConnectCallback = (_, ct) => open(ct),
        });

    private static DockerClientBuilder<NativeHttpTransportOptions> OverNetwork(
        DockerClientBuilder builder, Uri endpoint, DockerCertificates? certificates)
    {
        builder.WithEndpoint(endpoint);
        if (certificates is not null)
            builder.WithAuthProvider(certificates);
        return builder.WithTransportOptions(new NativeHttpTransportOptions
        {
            ConfigureHandler = handler => handler.ConnectCallback = (to, ct) => NetworkAsync(to.DnsEndPoint, ct),
        });
    }

    // Docker's events say nothing for hours: without this, a host that went away without a word is not missed.
    private static ValueTask<Stream> NetworkAsync(DnsEndPoint endpoint, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        return ConnectedAsync(socket, endpoint, ct);
    }

    private static async ValueTask<Stream> SocketAsync(string path, CancellationToken ct)
    {
        try
        {
            return await ConnectedAsync(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path), ct);
        }
        // So .NET calls ENOENT.
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            throw new SocketException((int)error.SocketErrorCode, "there is nothing at that path");
        }
    }

    private static async ValueTask<Stream> ConnectedAsync(Socket socket, EndPoint endpoint, CancellationToken ct)
    {
        try
        {
            await socket.ConnectAsync(endpoint, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>A Docker Engine does not answer.</summary>
public sealed class DockerUnreachableException(Uri endpoint, Exception inner)
    : Exception($"Docker at {DockerEngine.Shown(endpoint)} cannot be reached: {inner.GetBaseException().Message}", inner)
{
    /// <summary>Where it was looked for.</summary>
    public Uri Endpoint { get; } = endpoint;
}
