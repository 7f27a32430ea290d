using System.Net.Sockets;
using Docker.DotNet;
using ServiceMesh.Docker;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Docker's failures in words for people. What .NET says of a broken connection names neither Docker nor the mend.</summary>
internal static class DockerFailure
{
    public static string Describe(Exception error) => error switch
    {
        DockerUnreachableException { InnerException: { } inner } unreachable => $"{Describe(inner)} ({Shown(unreachable.Endpoint)})",
        DockerApiException { ResponseBody: { Length: > 0 } said } refusal => $"Docker answered {(int)refusal.StatusCode}: {said.Trim()}",
        _ => OfBase(error.GetBaseException()),
    };

    private static string OfBase(Exception error) => error switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "nobody listens at Docker's address; is the daemon running?",
        // That is how .NET understands ENOENT.
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => "Docker's socket does not exist; is the daemon running, and its socket mounted?",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "Docker's socket may not be opened; give the sidecar the socket's group (--group-add)",
        SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown }
            or HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } => "Docker broke off the connection",
        TimeoutException or OperationCanceledException => "Docker did not answer in time",
        ObjectDisposedException => "the connection to Docker was given up for a new one",
        _ => error.Message,
    };

    // An address may hold a password.
    private static string Shown(Uri endpoint) => new UriBuilder(endpoint) { UserName = "", Password = "" }.Uri.ToString();
}
