using System.Net;
using Consul;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A release comes back with its own settings, through a real proxy.</summary>
[Collection(DeployerCollection.Name)]
public sealed class RollbackTests(DeployerFixture host) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private ProxiedDeployer deployer = null!;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        deployer = started.Add(await ProxiedDeployer.StartAsync(host));
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    // The protocol that the newer release names is none that the older one speaks.
    [Fact]
    public async Task Rollback_TheNewerReleaseHadOtherRoutesAndTraffic_ServesByItsOwn()
    {
        var (command, path) = (deployer.Command, $"/{deployer.Command.Service}/work");
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("good")).Code);
        var first = await command.DocumentAsync();
        var manifest = await command.WriteManifestAsync(change: $"path: /{command.Service}=>path: /{command.Service}\n    upstream: h2c", more: "traffic: {sticky: true}");
        await File.WriteAllTextAsync(manifest, (await File.ReadAllTextAsync(manifest, Ct)).Replace("/app", "/moody", StringComparison.Ordinal), Ct);
        var next = await command.RunAsync(["deploy", manifest, "--version", "better"]);
        Assert.True(next.Code == ExitCode.Done, next.Output);
        Assert.NotEqual(HttpStatusCode.OK, await StatusAsync(path));

        var back = await command.RunAsync(["rollback", command.Service, "--drain", "100ms"]);

        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(path));
        var document = await command.DocumentAsync();
        Assert.Equal((Assert.Single(first!.Routes), first.Traffic), (Assert.Single(document!.Routes), document.Traffic));
        var forth = document.Rollback()!;
        Assert.Equal((UpstreamProtocol.H2c, true), (Assert.Single(forth.Routes).Upstream, forth.Traffic.Sticky));
    }

    [Fact]
    public async Task Rollback_ItsRouteIsAnothersByNow_ServesByTodaysAndSaysSo()
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("good")).Code);
        var manifest = await command.WriteManifestAsync(change: $"path: /{service}=>path: /{service}-2");
        await File.WriteAllTextAsync(manifest, (await File.ReadAllTextAsync(manifest, Ct)).Replace("/app", "/moody", StringComparison.Ordinal), Ct);
        Assert.Equal(ExitCode.Done, (await command.RunAsync(["deploy", manifest, "--version", "better"])).Code);
        var other = ServiceDocument.Create(service + "-other", [new Route(Host: null, $"/{service}", StripPath: true)]);
        await host.Consul.KV.Put(new KVPair($"mesh/services/{other.Service}") { Value = DocumentFormat.Write(other) }, Ct);
        started.Add(() => host.Consul.KV.Delete($"mesh/services/{other.Service}", CancellationToken.None));

        var back = await command.RunAsync(["rollback", service, "--drain", "100ms"]);

        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.Contains($"the route /{service} already leads to the service '{other.Service}', so good comes back with the routes of today", back.Output, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync($"/{service}-2/work"));
    }

    // Between the look at the routes and the transaction: a proxy would give the route to whoever had it before.
    [Fact]
    public async Task Rollback_ItsRouteIsTakenInTheVeryMoment_ServesByTodaysAndSaysSo()
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        Assert.Equal(ExitCode.Done, (await command.DeployAsync("v1")).Code);
        Assert.Equal(ExitCode.Done, (await command.DeployAsync("v2", change: $"path: /{service}=>path: /{service}-2")).Code);
        var (other, transactions) = (ConsulFixture.Unique("svc")[..20], 0);
        await using var held = await command.Locks.TryAcquireAsync(other, new LockHolder("another", "deploy", DateTimeOffset.UnixEpoch), Ct);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, _ => Loss.Nothing);
        front.Before = async context =>
        {
            if (context.Request.Path != "/v1/txn" || Interlocked.Increment(ref transactions) > 1)
                return;
            await command.Store.CommitAsync(held!, With(other, $"/{service}"), 0, Entry(other, 1), Ct);
        };

        var back = await command.RunAsync(["rollback", service, "--drain", "100ms", "--consul", front.Address.ToString()]);

        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.Contains($"the route /{service} already leads to the service '{other}', so v1 comes back with the routes of today", back.Output, StringComparison.Ordinal);
        var document = await command.DocumentAsync();
        Assert.Equal(("v1", $"/{service}-2"), (document!.Active!.Version, Assert.Single(document.Routes).Path));
    }

    // What an earlier look has found is not told.
    [Fact]
    public async Task Rollback_ItsRouteIsFreeAgainInTheVeryMoment_ServesByItsOwnAndSaysNothing()
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        Assert.Equal(ExitCode.Done, (await command.DeployAsync("v1")).Code);
        Assert.Equal(ExitCode.Done, (await command.DeployAsync("v2", change: $"path: /{service}=>path: /{service}-2")).Code);
        var (other, transactions) = (ConsulFixture.Unique("svc")[..20], 0);
        await using var held = await command.Locks.TryAcquireAsync(other, new LockHolder("another", "deploy", DateTimeOffset.UnixEpoch), Ct);
        var claimed = await command.Store.CommitAsync(held!, With(other, $"/{service}"), 0, Entry(other, 1), Ct);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, _ => Loss.Nothing);
        front.Before = async context =>
        {
            if (context.Request.Path == "/v1/txn" && Interlocked.Increment(ref transactions) == 1)
                await command.Store.CommitAsync(held!, With(other, $"/{other}"), claimed.Index, Entry(other, 2), Ct);
        };

        var back = await command.RunAsync(["rollback", service, "--drain", "100ms", "--consul", front.Address.ToString()]);

        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.True(transactions > 1, back.Output);
        Assert.DoesNotContain("comes back with the routes of today", back.Output, StringComparison.Ordinal);
        var document = await command.DocumentAsync();
        Assert.Equal(("v1", $"/{service}"), (document!.Active!.Version, Assert.Single(document.Routes).Path));
    }

    private static ServiceDocument With(string service, string path) => ServiceDocument.Create(service, [new Route(Host: null, path, StripPath: false)]);

    private static HistoryEntry Entry(string service, int number) => new()
    {
        Number = number,
        Service = service,
        Action = "deploy",
        Outcome = Outcome.Promoted,
        Who = "another",
        At = DateTimeOffset.UnixEpoch,
        Seconds = 1,
        Release = new Release("d", "v1", "i", default),
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private async Task<HttpStatusCode> StatusAsync(string path)
    {
        using var answer = await deployer.Proxy.Http.GetAsync(path, Ct);
        return answer.StatusCode;
    }
}
