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
    [InlineData("c1:warning c2:passing", "c1")]
    [InlineData("c1:warning c2:critical", "c2")]
    [InlineData("c1:warning", "c2")]
    [InlineData("c1:passing", "c2")]
    [InlineData("c2:passing c1:passing c1:critical", "c1")]
    [InlineData("c9:critical", "c1")]
    [InlineData("", "c1")]
    public void Among_ByWhatConsulKnows_IsTheFirstThatIsMissingOrIllOrElseNotPassing(string known, string suspect)
    {
        var entries = known.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(entry => entry.Split(':')).Select(entry => (Of(entry[0], entry[1]), entry[0]));

        Assert.Equal(suspect, Suspect.Among(["c1", "c2"], entries));
    }

    // How Consul answers whoever follows the instances, and then whoever looks once more at the deadline; the last word of each goes on.
    [Theory]
    [InlineData("told hangs", "told")]
    [InlineData("told fails", "told")]
    [InlineData("hangs", "fails told")]
    public async Task WaitAsync_TheSecondReplicaIsMissing_ShowsItsOutput(string followed, string looked)
    {
        var fault = await FaultAsync(followed, looked);

        Assert.Equal(ExitCode.Unhealthy, fault.Code);
        Assert.Contains("1 of 2 instances were passing", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["c2 says"], fault.LogTail);
    }

    [Theory]
    [InlineData("fails", "fails", "no answer")]
    [InlineData("told hangs", "hangs", "no answer within 3s")]
    [InlineData("told fails", "hangs", "no answer")]
    [InlineData("hangs", "fails", "no answer")]
    [InlineData("hangs", "fails hangs", "no answer")]
    public async Task WaitAsync_ConsulIsAwayAtTheDeadline_IsConsulsFaultAndNotTheReleases(string followed, string looked, string reason)
    {
        var fault = await FaultAsync(followed, looked);

        Assert.Equal((ExitCode.Unreachable, $"whether demo v2 is healthy Consul did not tell within 1m: {reason}. {Faults.ConsulMend}"), (fault.Code, fault.Message));
    }

    [Fact]
    public async Task WaitAsync_HealthyByTheLastLook_IsReady() =>
        Assert.Equal(["h1:c1:80", "h1:c2:80"], (await WaitAsync("told hangs", "whole", TimeSpan.Zero)).Select(instance => instance.Id));

    // After the last look Consul is asked what the check said, and Docker for the secrets in it: it only illustrates the failure.
    [Theory]
    [InlineData("ill", false, "Its check says: it hurts. Mend that")]
    [InlineData("ill hangs", false, "Its last lines may tell why. Mend that")]
    [InlineData("ill fails", false, "Its last lines may tell why. Mend that")]
    [InlineData("ill", true, "Its last lines may tell why. Mend that")]
    public async Task WaitAsync_WhatItsCheckSaidIsNotTold_IsTheReleasesFaultAllTheSame(string looked, bool dockerHangs, string why)
    {
        var fault = await FaultAsync("ill hangs", looked, dockerHangs);

        Assert.Equal(ExitCode.Unhealthy, fault.Code);
        Assert.Contains($"1 of 2 instances were passing. Production is unchanged. {why}", fault.Message, StringComparison.Ordinal);
    }

    private static Task<DeliveryException> FaultAsync(string followed, string looked, bool dockerHangs = false) =>
        Assert.ThrowsAsync<DeliveryException>(() => WaitAsync(followed, looked, TimeSpan.FromSeconds(1), dockerHangs));

    /// <summary>Waits for two replicas, of which Consul tells of one, of the whole, or that the second is ill.</summary>
    private static async Task<IReadOnlyList<Instance>> WaitAsync(string followed, string looked, TimeSpan healthyFor, bool dockerHangs = false)
    {
        var time = new FakeTimeProvider();
        var consul = Substitute.For<IConsulClient>();
        var (follows, looks) = (new Said(followed), new Said(looked));
        // Whoever follows names how long Consul may wait for a change.
        consul.Health.Service("demo", null, false, Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => Answer((call.Arg<QueryOptions>().WaitTime is null ? looks : follows).Next(), call.Arg<CancellationToken>()));
        var docker = Substitute.For<IDockerClient>();
        docker.System.MonitorEventsAsync(Arg.Any<ContainerEventsParameters>(), Arg.Any<IProgress<Message>>(), Arg.Any<CancellationToken>()).Returns(call => Never<bool>(call.Arg<CancellationToken>()));
        docker.Containers.InspectContainerAsync(Arg.Any<string>(), Arg.Any<CancellationToken>())
            .Returns(call => dockerHangs ? Never<ContainerInspectResponse>(call.Arg<CancellationToken>()) : Task.FromResult(new ContainerInspectResponse()));
        docker.Containers.GetContainerLogsAsync(Arg.Any<string>(), Arg.Any<ContainerLogsParameters>(), Arg.Any<CancellationToken>())
            .Returns(call => new MultiplexedStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes($"{call.Arg<string>()} says\n")), multiplexed: false));
        var host = new ContainerHost(
            new DockerHost("h1", Address: null, "10.0.0.9"), docker, new RegistryCredentials("", (_, _, _) => Task.FromResult<string?>(null)), () => SecretValues.None, "mesh", time);
        var target = new ReadinessTarget("demo", new Release("d", "v2", "x", default), [new HostShare(host, ["c1", "c2"], "0")], healthyFor, TimeSpan.FromMinutes(1));

        var waiting = new Readiness(new ServiceMesh.Deployer.Delivery.Catalog(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, time)), "mesh", time).WaitAsync(target, TestContext.Current.CancellationToken);
        while (await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, TestContext.Current.CancellationToken)) != waiting)
            time.Advance(follows.IsSaid ? TimeSpan.FromMilliseconds(500) : TimeSpan.Zero);
        return await waiting;
    }

    private static Task<QueryResult<ServiceEntry[]>> Answer(string word, CancellationToken ct) => word switch
    {
        "hangs" => Never<QueryResult<ServiceEntry[]>>(ct),
        "fails" => Task.FromException<QueryResult<ServiceEntry[]>>(new ConsulRequestException("no answer", ConsulFault.Timeout, inner: null)),
        _ => Task.FromResult(new QueryResult<ServiceEntry[]> { LastIndex = 1, Response = word == "told" ? [Entry("c1")] : [Entry("c1"), Entry("c2", ill: word == "ill")] }),
    };

    private static Instance Of(string container, string health) => new($"h1:{container}:80", "n", "demo", "10.0.0.9", 80, "d", "v2", health);

    private static ServiceEntry Entry(string container, bool ill = false) => new()
    {
        Checks = ill ? [new HealthCheck { Status = HealthStatus.Critical, Output = "it hurts\n" }] : [],
        Service = new AgentService { ID = $"h1:{container}:80", Service = "demo", Meta = new Dictionary<string, string> { [InstanceMeta.Container] = container } },
    };

    /// <summary>One word after the other, and the last again and again.</summary>
    private sealed class Said(string words)
    {
        private readonly string[] all = words.Split(' ');
        private int said;

        public bool IsSaid => Volatile.Read(ref said) >= all.Length;

        public string Next() => all[Math.Min(Interlocked.Increment(ref said), all.Length) - 1];
    }

    private static async Task<T> Never<T>(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        throw new InvalidOperationException();
    }
}
