using System.Net.Sockets;
using Docker.DotNet;

namespace ServiceMesh.Docker;

/// <summary>The way to a Docker Engine.</summary>
public static class DockerEngine
{
    // What the client library was written for; an older Engine is spoken to in its own, lower version.
    private static readonly Version Newest = new(1, 44);

    /// <summary>
    /// Connects to the Engine at <paramref name="endpoint"/> (<c>unix:///…</c> or <c>tcp://…</c>), or where none is given as
    /// the docker command does (<c>DOCKER_HOST</c>, then the context, then the local socket), in the highest API version
    /// that both sides know.
    /// </summary>
    /// <exception cref="DockerUnreachableException">The Engine does not answer.</exception>
    public static async Task<DockerClient> ConnectAsync(Uri? endpoint, CancellationToken ct)
    {
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
            throw new DockerUnreachableException(probe.Options.Endpoint, error);
        }
    }

    private static DockerClient Build(Uri? endpoint, Version? version)
    {
        var builder = new DockerClientBuilder().WithApiVersion(version);
        return (endpoint is null ? builder : builder.WithEndpoint(endpoint)).Build();
    }
}

/// <summary>A Docker Engine does not answer.</summary>
public sealed class DockerUnreachableException(Uri endpoint, Exception inner)
    : Exception($"Docker at {endpoint} cannot be reached: {inner.GetBaseException().Message}", inner)
{
    /// <summary>Where it was looked for.</summary>
    public Uri Endpoint { get; } = endpoint;
}
