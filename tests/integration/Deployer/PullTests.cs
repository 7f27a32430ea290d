using Microsoft.AspNetCore.Http;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class PullTests(DeployerFixture host)
{
    [Fact]
    public async Task Deploy_TwoHosts_PullAtATime()
    {
        await using var deployer = new DeployerCommand(host);
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        var address = new Uri($"http://{engine.Address.Authority}");
        await using var one = await HoldingFront.StartAsync(address, IsPull);
        await using var another = await AnotherAsync(address);
        await using var other = await HoldingFront.StartAsync(another.Address, IsPull);
        var hosts = Path.GetTempFileName();
        await File.WriteAllTextAsync(
            hosts, $"hosts: {{one: {{docker: \"tcp://{one.Address.Authority}\"}}, other: {{docker: \"tcp://{other.Address.Authority}\"}}}}", TestContext.Current.CancellationToken);
        using var interruption = new CancellationTokenSource();

        var deploying = deployer.DeployAsync("v1", interruption: interruption, args: ["--hosts", hosts, "--insecure"]);
        // Neither is answered, so whoever pulled one after the other would never come to the second.
        var both = Task.WhenAll(one.Reached, other.Reached);
        await Task.WhenAny(both, deploying, Task.Delay(TimeSpan.FromMinutes(1), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.True(both.IsCompletedSuccessfully);
        await interruption.CancelAsync();
        var ended = await deploying;
        File.Delete(hosts);

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        await deployer.AssertUntouchedAsync();
    }

    // Longer than it takes a log to be told of it.
    [Fact]
    public async Task Deploy_APullThatTakesLong_SaysHowFarItIs()
    {
        await using var deployer = new DeployerCommand(host);
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        var address = new Uri($"http://{engine.Address.Authority}");
        var said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var enough = Task.WhenAny(said.Task, Task.Delay(TimeSpan.FromMinutes(1), TimeProvider.System, TestContext.Current.CancellationToken));
        ConsulForwarder? forwarder = null;
        await using var front = forwarder = await ConsulForwarder.StartAsync(
            context => IsPull(context.Request) ? DownloadAsync(context, enough) : forwarder!.ForwardAsync(context, address, context.RequestAborted));

        var ended = await deployer.DeployAsync("v1", args: ["--docker", $"tcp://{front.Address.Authority}", "--insecure"], onLine: line =>
        {
            if (line.StartsWith("... pull ", StringComparison.Ordinal))
                said.TrySetResult();
        });

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        // Of the service's image and that of its tests.
        Assert.Matches(@"\.\.\. pull +2\.0 of 8\.0 MB", ended.Output);
        Assert.Contains("that is enough", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    private static async Task DownloadAsync(HttpContext context, Task enough)
    {
        context.Response.ContentType = "application/json";
        while (await Task.WhenAny(enough, Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, context.RequestAborted)) != enough && !context.RequestAborted.IsCancellationRequested)
        {
            await context.Response.WriteAsync("""{"status":"Downloading","id":"layer","progressDetail":{"current":1000000,"total":4000000}}""" + "\n", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }

        await context.Response.WriteAsync("""{"error":"that is enough","errorDetail":{"message":"that is enough"}}""", context.RequestAborted);
    }

    // The same Engine under another machine's name: two names of one would be refused.
    private static async Task<ConsulForwarder> AnotherAsync(Uri engine)
    {
        ConsulForwarder? front = null;
        return front = await ConsulForwarder.StartAsync(context => context.Request.Path.Value!.EndsWith("/info", StringComparison.Ordinal)
            ? context.Response.WriteAsync("""{"Name":"another"}""")
            : front!.ForwardAsync(context, engine, context.RequestAborted));
    }

    // The service's image, not that of its tests, which is pulled on a host of its own.
    private static bool IsPull(HttpRequest request) => request.Path.Value!.EndsWith("/images/create", StringComparison.Ordinal);
}
