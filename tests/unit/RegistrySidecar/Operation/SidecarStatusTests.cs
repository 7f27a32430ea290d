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
