using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>Of a release that does not become healthy the output is shown that tells why.</summary>
public sealed class ReadinessTests
{
    [Theory]
    [InlineData("c1:passing c2:passing", "c1")]
    [InlineData("c1:passing c2:critical", "c2")]
    [InlineData("c1:passing c2:warning", "c2")]
    [InlineData("c1:passing", "c2")]
    [InlineData("c2:passing c1:passing c1:critical", "c1")]
    [InlineData("c9:critical", "c1")]
    [InlineData("", "c1")]
    public void Among_ByWhatConsulKnows_IsTheFirstThatIsMissingOrNotPassing(string known, string suspect)
    {
        var entries = known.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(entry => entry.Split(':')).Select(entry => (Of(entry[0], entry[1]), entry[0]));

        Assert.Equal(suspect, Suspect.Among(["c1", "c2"], entries));
    }

    [Fact]
    public async Task WaitAsync_TheSecondReplicaIsMissing_ShowsItsOutput()
    {
        var fault = await FaultAsync(Entry("c1"));

        Assert.Equal(ExitCode.Unhealthy, fault.Code);
        Assert.Contains("1 of 2 instances were passing", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["c2 says"], fault.LogTail);
    }

    [Fact]
    public async Task WaitAsync_ConsulIsAwayAtTheDeadline_IsConsulsFaultAndNotTheReleases()
    {
        var fault = await FaultAsync(null);

        Assert.Equal((ExitCode.Unreachable, $"whether demo v2 is healthy Consul did not tell within 1m: no answer. {Faults.ConsulMend}"), (fault.Code, fault.Message));
    }

    /// <summary>What the wait for two replicas ends with, of which Consul tells of one; <c>null</c> for a Consul that fails.</summary>
    private static async Task<DeliveryException> FaultAsync(ServiceEntry? told)
    {
        var time = new FakeTimeProvider();
        var consul = Substitute.For<IConsulClient>();
        var asked = 0;
        consul.Health.Service("demo", null, false, Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(call =>
            told is null ? throw new ConsulRequestException("no answer", ConsulFault.Timeout, inner: null)
            : Interlocked.Increment(ref asked) == 1 ? Task.FromResult(new QueryResult<ServiceEntry[]> { LastIndex = 1, Response = [told] })
            : Never<QueryResult<ServiceEntry[]>>(call.Arg<CancellationToken>()));
        var docker = Substitute.For<IDockerClient>();
        docker.System.MonitorEventsAsync(Arg.Any<ContainerEventsParameters>(), Arg.Any<IProgress<Message>>(), Arg.Any<CancellationToken>()).Returns(call => Never<bool>(call.Arg<CancellationToken>()));
        docker.Containers.InspectContainerAsync(Arg.Any<string>(), Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse());
        docker.Containers.GetContainerLogsAsync(Arg.Any<string>(), Arg.Any<ContainerLogsParameters>(), Arg.Any<CancellationToken>())
            .Returns(call => new MultiplexedStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes($"{call.Arg<string>()} says\n")), multiplexed: false));
        var host = new ContainerHost(
            new DockerHost("h1", Address: null, "10.0.0.9"), docker, new RegistryCredentials("", (_, _, _) => Task.FromResult<string?>(null)), () => SecretValues.None, "mesh", time);
        var target = new ReadinessTarget("demo", new Release("d", "v2", "x", default), [new HostShare(host, ["c1", "c2"], "0")], TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

        var waiting = new Readiness(new ServiceMesh.Deployer.Delivery.Catalog(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, time)), "mesh", time).WaitAsync(target, TestContext.Current.CancellationToken);
        while (await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, TestContext.Current.CancellationToken)) != waiting)
            time.Advance(TimeSpan.FromSeconds(told is not null && asked < 2 ? 0 : 1));
        return await Assert.ThrowsAsync<DeliveryException>(() => waiting);
    }

    private static Instance Of(string container, string health) => new($"h1:{container}:80", "n", "demo", "10.0.0.9", 80, "d", "v2", health);

    private static ServiceEntry Entry(string container) => new()
    {
        Service = new AgentService { ID = $"h1:{container}:80", Service = "demo", Meta = new Dictionary<string, string> { [InstanceMeta.Container] = container } },
    };

    private static async Task<T> Never<T>(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        throw new InvalidOperationException();
    }
}
