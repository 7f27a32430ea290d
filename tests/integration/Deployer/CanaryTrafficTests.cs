using System.Collections.Concurrent;
using System.Net;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.Proxy;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Who answers whom while a real deploy brings a canary through its steps.</summary>
[Collection(DeployerCollection.Name)]
public sealed class CanaryTrafficTests(DeployerFixture host) : IAsyncLifetime
{
    private const int Users = 40;

    // Of each step: at 50 % chance alone is two points off once in 15,000 runs.
    private const int Answers = 10_000;

    private readonly ConcurrentDictionary<(double Share, string Version), int> answers = new();
    private readonly AsyncDisposables started = new();
    private ProxiedDeployer proxied = null!;

    // What the document says the candidate's share is.
    private double share;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Path => $"/{proxied.Command.Service}/work";

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        await host.Consul.KV.Delete("mesh/keys/cookie", Ct);
        proxied = started.Add(await ProxiedDeployer.StartAsync(host));
        var first = await proxied.DeployAsync("good");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        // Without it a client's cookie is worth nothing at another proxy, or at the same one when it has started anew.
        Assert.NotNull((await host.Consul.KV.Get("mesh/keys/cookie", Ct)).Response);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    // As it is when its daemon starts anew, or a way through SSH breaks.
    [Fact]
    public async Task Canary_DockersEventsAreCutWhileItBakes_IsPromotedAllTheSame()
    {
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        var warned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        var (ended, _) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = proxied.DeployAsync(
                "better",
                "strategy: {canary: {steps: [50%], bake: 5s, minimum: 20, error-share: 5%, p99-ratio: 100}}",
                onLine: line =>
                {
                    if (line.Contains("better was judged; it is asked again until that is over", StringComparison.Ordinal))
                        warned.TrySetResult();
                },
                args: ["--docker", docker.Address.ToString(), "--insecure"]);
            await proxied.UntilSharingAsync();
            // It may have its share before it is watched.
            while (!warned.Task.IsCompleted && !deploying.IsCompleted)
            {
                await docker.CutAsync();
                docker.Mend();
                await Task.WhenAny(warned.Task, deploying, Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Ct));
            }

            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.True(warned.Task.IsCompleted, ended.Output);
    }

    // It serves on, and what it passes on is in no figure: the other's alone would let the release pass.
    [Fact]
    public async Task Canary_AProxyFallsSilentWhileItBakes_IsInconclusiveAndFailsSafe()
    {
        var id = $"{proxied.Command.ProxyService}-other";
        await using var other = await RunningProxy.StartAsync(host.ConsulAddress);
        await using var way = TcpRelay.Start(other.Ports[0]);
        var port = way.Port;
        await using var registered = await host.RegisterProxyAsync(proxied.Command.ProxyService, port, id);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, _ => Loss.Nothing);
        var (sharing, asked, looked) = (false, 0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        // The first time may still be for whether they follow.
        front.Before = context =>
        {
            if (Volatile.Read(ref sharing) && context.Request.Path == $"/v1/health/service/{proxied.Command.ProxyService}" && Interlocked.Increment(ref asked) == 2)
                looked.TrySetResult();
            return Task.CompletedTask;
        };

        var (ended, _) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = proxied.DeployAsync("better", "strategy: {canary: {steps: [50%], bake: 3s, minimum: 20, error-share: 5%, p99-ratio: 100}}", args: ["--consul", front.Address.ToString()], onLine: line =>
            {
                // Nobody has to wait for it any more.
                if (line.StartsWith("no  canary", StringComparison.Ordinal))
                    registered.DisposeAsync().AsTask().GetAwaiter().GetResult();
            });
            await proxied.UntilSharingAsync();
            await other.UntilAsync(proxied.Command.Service, account => account.GetProperty("releases").GetArrayLength() == 2);
            Volatile.Write(ref sharing, true);
            await Task.WhenAny(looked.Task, deploying);
            await way.DisposeAsync();
            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains($"inconclusive: proxy {id} at http://127.0.0.1:{port} does not answer, so the candidate's figures are not whole", ended.Output, StringComparison.Ordinal);
        Assert.Equal("good", (await proxied.Command.DocumentAsync())!.Active!.Version);
    }

    [Fact]
    public async Task Canary_UnderLoad_SharesAreMetAndAUserOnlyMovesToTheNewRelease()
    {
        using var stop = new CancellationTokenSource();
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, _ => Loss.Nothing);
        front.Before = context => context.Request.Path == $"/v1/health/service/{proxied.Command.ProxyService}" ? EnoughAsync() : Task.CompletedTask;
        var users = Enumerable.Range(0, Users).Select(_ => FollowAsync(stop.Token)).ToArray();
        var load = Enumerable.Range(0, 12).Select(_ => CountAsync(stop.Token)).ToArray();
        var watching = WatchShareAsync(stop.Token);

        var ended = await proxied.DeployAsync("better", """
            strategy:
              canary:
                steps: [10%, 50%]
                bake: 5s
                minimum: 100
                error-share: 1%
                p99-ratio: 50
            """, args: ["--consul", front.Address.ToString()]);
        // All of it, for a moment.
        await Until.TrueAsync(() => Task.FromResult(Of(100).Sum() > 5_000));
        await stop.CancelAsync();
        await Task.WhenAll([watching, .. load]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        foreach (var step in (double[])[0, 10, 50, 100])
            TestContext.Current.TestOutputHelper!.WriteLine($"{step} %: good answered {Of(step)[0]}, better {Of(step)[1]}");
        Assert.All((double[])[10, 50, 100], step => Assert.InRange(100.0 * Of(step)[1] / Of(step).Sum(), step - 2, step + 2));
        Assert.All((double[])[10, 50], step => Assert.InRange(Of(step).Sum(), Answers, int.MaxValue));
        var seen = await Task.WhenAll(users);
        Assert.All(seen, versions => Assert.Equal(["good", "better"], versions));
    }

    // The deployer asks for the proxies in each look, and in the last of a step, too. It waits no longer than 10 s for Consul.
    private async Task EnoughAsync()
    {
        var asked = TimeProvider.System.GetTimestamp();
        while (Volatile.Read(ref share) is > 0 and < 100 and var step && Of(step).Sum() < Answers && TimeProvider.System.GetElapsedTime(asked) < TimeSpan.FromSeconds(8))
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
    }

    // The answers of clients that are new each time. One on the way while the share changes counts for neither step.
    private async Task CountAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var before = Volatile.Read(ref share);
            var version = await VersionAsync(proxied.Proxy.Http);
            if (Volatile.Read(ref share) == before)
                answers.AddOrUpdate((before, version), 1, (_, count) => count + 1);
        }
    }

    /// <summary>One client that keeps its cookie.</summary>
    /// <returns>The versions that it met, each as often as it changed.</returns>
    private async Task<List<string>> FollowAsync(CancellationToken stop)
    {
        using var user = new HttpClient { BaseAddress = proxied.Proxy.Http.BaseAddress };
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        List<string> met = [];
        while (!stop.IsCancellationRequested)
        {
            var version = await VersionAsync(user);
            if (met is not [.., var last] || last != version)
                met.Add(version);
            await timer.WaitForNextTickAsync(Ct);
        }

        return met;
    }

    private async Task<string> VersionAsync(HttpClient client)
    {
        using var answer = await client.GetAsync(Path, Ct);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(Ct);
    }

    // The proxy follows the document within milliseconds.
    private async Task WatchShareAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!stop.IsCancellationRequested)
        {
            var document = await proxied.Command.DocumentAsync();
            Volatile.Write(ref share, document!.Active!.Version == "better" ? 100 : document.Split?.Share ?? 0);
            await timer.WaitForNextTickAsync(Ct);
        }
    }

    private int[] Of(double step) => [.. ((string[])["good", "better"]).Select(version => answers.GetValueOrDefault((step, version)))];
}
