using System.Net.Sockets;
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
    /// Connects to the Engine at <paramref name="endpoint"/> (<c>unix:///…</c> or <c>tcp://…</c>), or where none is given at
    /// <see cref="DefaultEndpoint"/>, in the highest API version that both sides know.
    /// </summary>
    /// <exception cref="DockerUnreachableException">The Engine does not answer.</exception>
    public static async Task<DockerClient> ConnectAsync(Uri? endpoint, CancellationToken ct)
    {
        endpoint ??= DefaultEndpoint;
        // Without a version in its path, /version is answered by every Engine.
        using var probe = Build(endpoint, version: null);
        try
        {
            var answer = await probe.System.GetVersionAsync(ct);
            var spoken = Version.Parse(answer.APIVersion);
            return Build(endpoint, spoken < Newest ? spoken : Newest);
        }
        // The library collects a refused TCP connection in an AggregateException.
        catch (Exception error) when (error.GetBaseException() is HttpRequestException or IOException or TimeoutException or SocketException)
        {
            throw new DockerUnreachableException(endpoint, error);
        }
    }

    private static DockerClient Build(Uri endpoint, Version? version)
    {
        var builder = new DockerClientBuilder().WithApiVersion(version);
        return (endpoint.Scheme == "unix" ? OverSocket(builder, endpoint.LocalPath) : builder.WithEndpoint(endpoint)).Build();
    }

    // The library's own way to a socket connects anew for every call; .NET's HTTP client keeps its connections.
    private static DockerClientBuilder<NativeHttpTransportOptions> OverSocket(DockerClientBuilder builder, string path) => builder
        .WithEndpoint(new Uri("http://localhost"))
        .WithTransportOptions(new NativeHttpTransportOptions
        {
            ConfigureHandler = handler => handler.ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        });
}

/// <summary>A Docker Engine does not answer.</summary>
public sealed class DockerUnreachableException(Uri endpoint, Exception inner)
    : Exception($"Docker at {Shown(endpoint)} cannot be reached: {inner.GetBaseException().Message}", inner)
{
    /// <summary>Where it was looked for.</summary>
    public Uri Endpoint { get; } = endpoint;

    // An address may hold a password.
    private static string Shown(Uri endpoint) => endpoint.UserInfo.Length == 0
        ? endpoint.ToString()
        : new UriBuilder(endpoint) { UserName = "", Password = "" }.Uri.ToString();
}
