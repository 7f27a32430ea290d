using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using ServiceMesh.Deployer;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class DrainTests(DeployerFixture host) : IAsyncDisposable
{
    private const string Silent = "";

    private readonly DeployerCommand deployer = new(host) { ProxyService = ConsulFixture.Unique("proxy") };
    private readonly ConcurrentQueue<string> answers = new();
    private readonly ConcurrentQueue<string> seen = new();
    private string watched = "v1";

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Deploy_WhileRequestsAreInFlightOrAProxyIsSilent_KeepsTheOldReleaseRunning()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var proxy = await StubConsul.Start(AnswerAsync, ct);
        await using var registered = await host.RegisterProxyAsync(deployer.ProxyService, proxy.Address.Port);
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        var old = (await deployer.DocumentAsync())!.Active!.Deployment;
        seen.Clear();
        foreach (var answer in new[] { InFlight(old, 3), InFlight(old, 2), Silent, InFlight(old, 1), InFlight(old, 0) })
            answers.Enqueue(answer);

        var second = await deployer.DeployAsync("v2", change: "drain: 1s=>drain: 20s");

        Assert.True(second.Code == ExitCode.Done, second.Output);
        Assert.Equal(Enumerable.Repeat("running", 5), seen);
        Assert.Contains("nothing in flight any more", second.Output, StringComparison.Ordinal);
        Assert.Equal("exited", await StateOfAsync("v1"));
    }

    [Fact]
    public async Task Deploy_TheDrainTimeIsOver_StopsTheOldReleaseAndSaysWhatWasLeft()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var proxy = await StubConsul.Start(AnswerAsync, ct);
        await using var registered = await host.RegisterProxyAsync(deployer.ProxyService, proxy.Address.Port);
        await deployer.DeployAsync("v1");
        foreach (var answer in Enumerable.Repeat(InFlight((await deployer.DocumentAsync())!.Active!.Deployment, 3), 1000))
            answers.Enqueue(answer);

        var second = await deployer.DeployAsync("v2");

        Assert.True(second.Code == ExitCode.Done, second.Output);
        Assert.Contains("3 still in flight after 1s", second.Output, StringComparison.Ordinal);
        Assert.Equal("exited", await StateOfAsync("v1"));
    }

    // Its sidecar takes it out at once, and it finishes what it has with its door closed.
    [Fact]
    public async Task Deploy_AProxyIsStoppedMeanwhile_GivesTheOldReleaseTheWholeDrainTime()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var proxy = await StubConsul.Start(AnswerAsync, ct);
        await using var stopped = await StubConsul.Start(AnswerAsync, ct);
        await using var registered = await host.RegisterProxyAsync(deployer.ProxyService, proxy.Address.Port);
        await using var leaving = await host.RegisterProxyAsync(deployer.ProxyService, stopped.Address.Port, $"{deployer.ProxyService}-2");
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);

        var second = await deployer.DeployAsync("v2", onLine: line =>
        {
            if (!line.StartsWith("ok  promote", StringComparison.Ordinal))
                return;
            leaving.DisposeAsync().AsTask().GetAwaiter().GetResult();
            stopped.DisposeAsync().AsTask().GetAwaiter().GetResult();
        });

        Assert.True(second.Code == ExitCode.Done, second.Output);
        Assert.Contains("1 of 2 proxies did not say what is in flight, so it had 1s", second.Output, StringComparison.Ordinal);
    }

    // Where Consul was restored into a fresh one, its indexes begin anew, and a proxy's earlier one says nothing.
    [Fact]
    public async Task Deploy_AProxyServesTheOldReleaseByALaterIndex_KeepsItRunningAndSaysSo()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var proxy = await StubConsul.Start(AnswerAsync, ct);
        await using var registered = await host.RegisterProxyAsync(deployer.ProxyService, proxy.Address.Port);
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        var old = (await deployer.DocumentAsync())!.Active!.Deployment;
        ServesAllTheSame(old);

        var second = await deployer.DeployAsync("v2");

        Assert.True(second.Code == ExitCode.Done, second.Output);
        Assert.Contains("a proxy still sends requests there after 1s", second.Output, StringComparison.Ordinal);
        Assert.Contains($", which serves by index {ulong.MaxValue}, still sends requests to deployment {old[..8]}, which left the traffic of {deployer.Service} at index ", second.Output, StringComparison.Ordinal);
        Assert.Equal("running", await StateOfAsync("v1"));
    }

    // Nothing of a split that is over is kept otherwise.
    [Theory]
    [InlineData("abort", "running")]
    [InlineData("deploy", "exited")]
    public async Task Run_AProxyServesASplitThatIsOverByALaterIndex_KeepsItRunningAndSaysSoOnce(string verb, string former)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var proxy = await StubConsul.Start(AnswerAsync, ct);
        await using var registered = await host.RegisterProxyAsync(deployer.ProxyService, proxy.Address.Port);
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        var split = await deployer.DeployAsync("v2", more: "strategy: {ab: {share: 10%}}");
        Assert.True(split.Code == ExitCode.Done, split.Output);
        var left = (await deployer.DocumentAsync())!.Split!.Release.Deployment;
        ServesAllTheSame(left);

        var ended = verb == "abort" ? await deployer.RunAsync([verb, deployer.Service, "--drain", "1s"]) : await deployer.DeployAsync("v3");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Single(ended.Output.Split('\n'), line => line.Contains($"still sends requests to deployment {left[..8]}", StringComparison.Ordinal));
        Assert.Equal((former, "running"), (await StateOfAsync("v1"), await StateOfAsync("v2")));
    }

    // As a deployer leaves it that was killed when it had taken a release out of the traffic, before it waited for what was in flight.
    [Fact]
    public async Task Abort_WhileRequestsAreInFlightOnWhatAKilledDeployerLeft_WaitsForThem() =>
        await AssertAbortWaitsAsync(left => [InFlight(left, 2), InFlight(left, 1), InFlight(left, 0)]);

    // Such a proxy may still send requests there.
    [Fact]
    public async Task Abort_WhileAProxyIsSilentOrLags_WaitsForIt() =>
        await AssertAbortWaitsAsync(left => [Silent, """{"index":1,"instances":[]}""", InFlight(left, 0)]);

    // No proxy could tell that nothing is in flight there, and none need.
    [Fact]
    public async Task Abort_WhatWasLeftNeverHadTraffic_WaitsForNothing()
    {
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        await LeaveAsync(DeploymentId.New());

        var ended = await deployer.RunAsync(["abort", deployer.Service, "--drain", "50m"]).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("(v1 is active): 1 container removed", ended.Output, StringComparison.Ordinal);
    }

    private async Task AssertAbortWaitsAsync(Func<string, string[]> told)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var proxy = await StubConsul.Start(AnswerAsync, ct);
        await using var registered = await host.RegisterProxyAsync(deployer.ProxyService, proxy.Address.Port);
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        var left = DeploymentId.New();
        await LeaveAsync(left);
        await using (var held = await deployer.Locks.TryAcquireAsync(deployer.Service, new LockHolder("another", "its work", DateTimeOffset.UnixEpoch), ct))
        {
            var release = new Release(left, "v2", "app@sha256:v2", DateTimeOffset.UnixEpoch);
            var entry = new HistoryEntry { Number = await deployer.Store.NextNumberAsync(deployer.Service, ct), Service = deployer.Service, Action = "deploy", Outcome = Outcome.Changed, Who = "another", At = DateTimeOffset.UnixEpoch, Seconds = 1, Release = release };
            Assert.True((await deployer.Store.CommitAsync(held!, document: null, expectedIndex: 0, entry, ct)).Committed);
        }

        seen.Clear();
        foreach (var answer in told(left))
            answers.Enqueue(answer);

        var ended = await deployer.RunAsync(["abort", deployer.Service]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("(v1 is active): 1 container removed", ended.Output, StringComparison.Ordinal);
        Assert.Contains($"what is in flight on deployment {left[..8]} has up to 30s to end", ended.Output, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Repeat("running", 3), seen);
    }

    private Task LeaveAsync(string deployment) => host.RunAsync(
        "app:v2",
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [ContainerLabel.Service] = deployer.Service,
            [ContainerLabel.Deployment] = deployment,
            [ContainerLabel.Version] = watched = "v2",
        },
        TestContext.Current.CancellationToken);

    private static string InFlight(string deployment, int count) =>
        $$"""{"index":{{ulong.MaxValue}},"instances":[{"id":"i","deployment":"{{deployment}}","inFlight":{{count}}}]}""";

    private void ServesAllTheSame(string deployment)
    {
        foreach (var answer in Enumerable.Repeat($$"""{"index":{{ulong.MaxValue}},"instances":[],"releases":[{"deployment":"{{deployment}}"}]}""", 1000))
            answers.Enqueue(answer);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        seen.Enqueue(await StateOfAsync(watched));
        var answer = answers.TryDequeue(out var next) ? next : InFlight("none", 0);
        context.Response.ContentType = "application/json";
        context.Response.StatusCode = answer == Silent ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        await context.Response.WriteAsync(answer, context.RequestAborted);
    }

    private async Task<string> StateOfAsync(string version) =>
        (await host.ContainersAsync(deployer.Service)).Single(container => container.Labels["mesh.version"] == version).State;
}
