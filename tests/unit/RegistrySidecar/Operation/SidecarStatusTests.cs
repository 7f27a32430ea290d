using System.Net;
using Consul;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Operation;

public sealed class SidecarStatusTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly SidecarOptions options = new();
    private readonly SidecarStatus status;

    public SidecarStatusTests() => status = new SidecarStatus(options, time);

    [Fact]
    public void Missing_AtTheStart_NamesAll()
    {
        Assert.Equal(
            [
                "Docker is not connected",
                "the services' documents are not known yet",
                "the Consul agent does not answer",
                "the first full pass is not done",
            ],
            status.Missing(documentsAreKnown: false));
    }

    [Fact]
    public void Missing_AllKnownAndCompared_IsNothing()
    {
        (status.DockerIsConnected, status.AgentAnswers) = (true, true);
        status.PassEnded(running: 1, held: 1, listed: true);

        Assert.Empty(status.Missing(documentsAreKnown: true));
    }

    [Fact]
    public void Missing_DockerDidNotList_ThePassDoesNotCount()
    {
        (status.DockerIsConnected, status.AgentAnswers) = (true, true);
        status.PassEnded(running: 0, held: 0, listed: false);

        Assert.Equal(["the first full pass is not done"], status.Missing(documentsAreKnown: true));
    }

    public static TheoryData<string, int> Passes => new()
    {
        // What is wanted in each pass, and how it ends: accepted (+), refused by the token (-), wrong in itself (!), wrong in itself
        // by what a 500 says (~), no leader (=), no writes on this way (/), or not due (?).
        // A check that is accepted is a pass of its own: *.
        { "a-; *", 0 },
        { "a- b-; *; a- b?", 0 },
        { "*; a-", 1 },
        { "", 0 },
        { "a+", 0 },
        { "a-", 1 },
        { "a- b-", 1 },
        { "a- b+", 0 },
        { "a!", 0 },
        { "a! b!", 0 },
        { "a~ b~; a? b?", 0 },
        { "a! b~; c-", 1 },
        { "a= b=", 1 },
        { "a/ b/", 1 },
        { "a-; a?", 1 },
        { "a-; a+", 0 },
        { "a-; ", 0 },
        { "a-; a- b+; a-; a?", 0 },
        { "a- b+; a- c-", 1 },
        { "a- b+; a- c-; a- c+", 0 },
        { "a-; a+; ; a-", 1 },
    };

    [Theory]
    [MemberData(nameof(Passes))]
    public void Missing_AgentAcceptsNoWrite_NamesItUntilItDoesAndThePassDoesNotCount(string passes, int missing)
    {
        (status.DockerIsConnected, status.AgentAnswers) = (true, true);
        status.PassEnded(running: 1, held: 1, listed: true);
        time.Advance(TimeSpan.FromHours(1));

        foreach (var writes in passes.Split(';').Select(pass => pass.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            Write(writes);
        status.PassEnded(running: 1, held: 0, listed: true);

        Assert.Equal(missing, status.Missing(documentsAreKnown: true).Count(reason => reason.Contains("service:write", StringComparison.Ordinal)));
        Assert.Equal(missing == 0, status.LastSuccess == time.GetUtcNow().ToUnixTimeSeconds());
    }

    [Theory]
    [InlineData("a1-", 0)]
    [InlineData("a1- a2-", 0)]
    [InlineData("a1- b1-", 1)]
    public void Missing_OthersAreRegistered_NamesItOnlyWhereTheWritesOfMoreThanOneContainerFail(string writes, int missing)
    {
        (status.DockerIsConnected, status.AgentAnswers) = (true, true);

        Write(writes.Split(' '));
        status.PassEnded(running: 2, held: 1, listed: true);

        Assert.Equal(missing > 0, status.Missing(documentsAreKnown: true).Any(reason => reason.Contains("service:write", StringComparison.Ordinal)));
    }

    private void Write(string[] writes)
    {
        if (writes is ["*"])
            status.Accepted();
        else
            status.Wrote(writes.ToDictionary(write => write[..^1], write => write[..1]), writes.Where(write => write[^1] != '?').ToDictionary(write => write[..^1], ErrorOf));
    }

    private static Exception? ErrorOf(string write) => write[^1] switch
    {
        '+' => null,
        '-' => new ConsulRequestException("no", HttpStatusCode.Forbidden),
        '~' => new ConsulRequestException("PUT http://h/v1/agent/service/register: 500 Internal Server Error: Scripts are disabled on this agent; to enable, …", HttpStatusCode.InternalServerError),
        '=' => new ConsulRequestException("PUT http://h/v1/agent/service/deregister/Scripts%20are%20disabled%20on%20this%20agent: 500 Internal Server Error: No cluster leader", HttpStatusCode.InternalServerError),
        '/' => new ConsulRequestException("no", HttpStatusCode.MethodNotAllowed),
        _ => new ConsulRequestException("no", HttpStatusCode.BadRequest),
    };

    [Fact]
    public void Faults_SilentForLongerThanAnyCallTakes_NamesIt()
    {
        time.Advance(options.Resync + SidecarStatus.Patience);
        Assert.Empty(status.Faults());

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["the reconciler has done nothing for 151 s"], status.Faults());

        status.Sign();
        Assert.Empty(status.Faults());
    }
}
