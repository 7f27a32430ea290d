using ServiceMesh.Deployer;
using ServiceMesh.Tests.Integration.Proxy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Tests that reach the candidate through a real proxy.</summary>
[Collection(DeployerCollection.Name)]
public sealed class ThroughProxyTests(DeployerFixture host) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mesh-key-");
    private DeployerCommand deployer = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(() =>
    {
        started.Add(() => folder.Delete(recursive: true));
        Environment.SetEnvironmentVariable("MESH_CANDIDATE_KEY", Path.Combine(folder.FullName, "key.pem"));
        started.Add(() => Environment.SetEnvironmentVariable("MESH_CANDIDATE_KEY", null));
        deployer = started.Add(new DeployerCommand(host) { ProxyService = ConsulFixture.Unique("proxy") });
        return Task.CompletedTask;
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Deploy_AllRoutesHaveAHost_IsTestedThroughTheProxyByThatHost()
    {
        await StartProxyAsync();
        var first = await DeployAsync("good", "pass");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        Assert.Contains("warning: no route leads to the service yet, so its tests go to the candidate directly", first.Output, StringComparison.Ordinal);

        var answer = "";
        var second = await DeployAsync("better", "through", line =>
        {
            // It is not promoted before this has ended.
            if (line.Split(' ') is [.., "asks", var url, var name, var pass])
                answer = $"{AnswerAsync(url, name, pass).GetAwaiter().GetResult()} at {name}";
        });

        Assert.True(second.Code == ExitCode.Done, second.Output);
        Assert.Equal($"better at mesh-tests.{deployer.Service}.example", answer);
        Assert.Contains($" as a candidate, by Host mesh-tests.{deployer.Service}.example (MESH_CANDIDATE_HOST)\n", second.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("directly", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_TheProxyRedirectsToHttps_IsRefusedAndNotRejected()
    {
        await StartProxyAsync(KeyValuePair.Create("RedirectToHttps", (string?)"true"), KeyValuePair.Create("PublicHttpsPort", (string?)"443"));
        var first = await DeployAsync("good", "pass");
        Assert.True(first.Code == ExitCode.Done, first.Output);

        var second = await DeployAsync("better", "through");

        Assert.True(second.Code == ExitCode.WrongInput, second.Output);
        Assert.Contains($"with a redirect of its own (--redirect-to-https), so no test would reach {deployer.Service} better through it", second.Output, StringComparison.Ordinal);
        Assert.Equal("good", (await deployer.DocumentAsync())!.Active!.Version);
    }

    private async Task StartProxyAsync(params KeyValuePair<string, string?>[] settings)
    {
        var proxy = started.Add(await RunningProxy.StartAsync(host.ConsulAddress, state: null, settings));
        started.Add(await host.RegisterProxyAsync(deployer.ProxyService, proxy.Ports[0]));
    }

    private static async Task<string> AnswerAsync(string url, string name, string pass)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{url}/work") { Headers = { Host = name } };
        request.Headers.Add(CandidatePass.Header, pass);
        using var answer = await http.SendAsync(request, Ct);
        return await answer.Content.ReadAsStringAsync(Ct);
    }

    private async Task<Ended> DeployAsync(string version, string tests, Action<string>? onLine = null)
    {
        var path = await deployer.WriteManifestAsync(tests, "/app=>/moody");
        var manifest = (await File.ReadAllTextAsync(path, Ct))
            .Replace($"- path: /{deployer.Service}", $"- host: \"*.{deployer.Service}.example\"", StringComparison.Ordinal)
            .Replace("tests:\n", "tests:\n  through: proxy\n", StringComparison.Ordinal);
        await File.WriteAllTextAsync(path, manifest, Ct);
        return await deployer.RunAsync(["deploy", path, "--version", version], onLine);
    }
}
