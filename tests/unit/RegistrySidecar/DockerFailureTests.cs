using System.Net;
using System.Net.Sockets;
using Docker.DotNet;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class DockerFailureTests
{
    [Theory]
    [InlineData(SocketError.ConnectionRefused, "nobody listens at Docker's address; is the daemon running?")]
    [InlineData(SocketError.AddressNotAvailable, "Docker's socket does not exist; is the daemon running, and its socket mounted?")]
    [InlineData(SocketError.AccessDenied, "Docker's socket may not be opened; give the sidecar the socket's group (--group-add)")]
    [InlineData(SocketError.ConnectionReset, "Docker broke off the connection")]
    [InlineData(SocketError.Shutdown, "Docker broke off the connection")]
    public void Describe_SocketError_NamesDockerAndTheMend(SocketError code, string sentence) =>
        Assert.Equal(sentence, DockerFailure.Describe(new HttpRequestException("wrapped", new IOException("wrapped", new SocketException((int)code)))));

    [Fact]
    public void Describe_AnswerBrokenOff_SaysSo() => Assert.Equal(
        "Docker broke off the connection",
        DockerFailure.Describe(new HttpIOException(HttpRequestError.ResponseEnded, "The response ended prematurely.")));

    [Fact]
    public void Describe_Unreachable_NamesTheAddressWithoutItsPassword() => Assert.Equal(
        "nobody listens at Docker's address; is the daemon running? (tcp://192.0.2.1:2375/)",
        DockerFailure.Describe(new DockerUnreachableException(
            new Uri("tcp://somebody:secret@192.0.2.1:2375"), new HttpRequestException("refused", new SocketException((int)SocketError.ConnectionRefused)))));

    [Fact]
    public void Describe_Refusal_TellsWhatDockerSaid() => Assert.Equal(
        "Docker answered 500: {\"message\":\"no space\"}",
        DockerFailure.Describe(new DockerApiException(HttpStatusCode.InternalServerError, "{\"message\":\"no space\"}\n")));
}
