using System.Text;
using System.Text.Json;
using Consul;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class BadInputTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Theory]
    [InlineData("", "v9", ExitCodeOf.WrongInput, "/app:v9 is not in its registry")]
    [InlineData("tests:pass=>tests:nowhere", "v1", ExitCodeOf.WrongInput, "the tests' image ")]
    [InlineData("tests:pass=>tests:broken", "v1", ExitCodeOf.WrongInput, " cannot be started: ")]
    [InlineData("port: 5000=>port: 81", "v1", ExitCodeOf.WrongInput, "does not expose port 81, only 5000/tcp: change the manifest's port or the image")]
    [InlineData("image: localhost:=>image: localhost:1/x", "v1", ExitCodeOf.Unreachable, "cannot be pulled")]
    [InlineData("drain: 1s=>drain: soon", "v1", ExitCodeOf.WrongInput, ".yaml:13: drain: 'soon' must be a duration such as 500ms, 1s or 1m30s")]
    [InlineData("name: svc=>name: Svc_", "v1", ExitCodeOf.WrongInput, "is no service name: 1 to 63 of a-z, 0-9 and '-'")]
    [InlineData("", ".x", ExitCodeOf.WrongInput, "'.x' is no version, because it is no image tag: 1 to 128 of")]
    public async Task Deploy_WhatCannotWork_IsSaidAndLeavesNothing(string change, string version, int code, string sentence)
    {
        var ended = await deployer.DeployAsync(version, change: change);

        Assert.True((int)ended.Code == code, ended.Output);
        Assert.Contains(sentence, ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Deploy_NoConsul_NamesItsAddress()
    {
        var ended = await deployer.DeployAsync("v1", args: ["--consul", "127.0.0.1:1"]);

        Assert.Equal(ExitCode.Unreachable, ended.Code);
        Assert.Contains("http://127.0.0.1:1", ended.Output, StringComparison.Ordinal);
        Assert.Contains("Is Consul running there? Name another address with --consul or CONSUL_HTTP_ADDR.", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_TwoNamesForOneDocker_AreRefused()
    {
        var hosts = Path.GetTempFileName();
        await File.WriteAllTextAsync(
            hosts, $"hosts: {{one: {{docker: \"{DockerEngine.DefaultEndpoint}\"}}, other: {{docker: \"{DockerEngine.DefaultEndpoint}\"}}}}", TestContext.Current.CancellationToken);

        var ended = await deployer.DeployAsync("v1", args: ["--hosts", hosts]);
        File.Delete(hosts);

        Assert.True(ended.Code == ExitCode.WrongInput, ended.Output);
        Assert.Contains("hosts one and other are one Docker Engine (", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Deploy_NoDocker_NamesItsAddress()
    {
        var ended = await deployer.DeployAsync("v1", args: ["--docker", "tcp://127.0.0.1:1", "--insecure"]);

        Assert.Equal(ExitCode.Unreachable, ended.Code);
        Assert.Contains("127.0.0.1:1", ended.Output, StringComparison.Ordinal);
        Assert.Contains("Name another address with --docker or DOCKER_HOST.", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeployAndPlan_AHostileDocument_IsSetAsideByHand()
    {
        var ct = TestContext.Current.CancellationToken;
        var key = $"mesh/services/{deployer.Service}";
        await host.Consul.KV.Put(new KVPair(key) { Value = Encoding.UTF8.GetBytes("<not json>") }, ct);

        var ended = await deployer.DeployAsync("v1");
        var planned = await deployer.DeployAsync("v1", verb: "plan");
        var status = await deployer.RunAsync(["status", deployer.Service]);
        await host.Consul.KV.Delete(key, ct);

        Assert.All([ended, planned], refused =>
        {
            Assert.Equal(ExitCode.WrongInput, refused.Code);
            Assert.Contains($"what Consul KV holds for {deployer.Service} is no document: ", refused.Output, StringComparison.Ordinal);
        });
        Assert.Contains($"what Consul KV holds for {deployer.Service} is no document: ", status.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Rollback_NeverDeployed_SaysSo()
    {
        var ended = await deployer.RunAsync(["rollback", deployer.Service]);

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains($"{deployer.Service} has never been promoted, so there is nothing to return to", ended.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("history", "' has no history: nothing was ever deployed under that name")]
    [InlineData("status", "' is known: it has no document and no instance")]
    public async Task Ask_AnUnknownService_SaysSo(string verb, string sentence)
    {
        var ended = await deployer.RunAsync([verb, deployer.Service]);

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains(deployer.Service + sentence, ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_Json_IsOneDocumentWithTheReason()
    {
        var ended = await deployer.DeployAsync("v9", args: ["--json"]);

        using var document = JsonDocument.Parse(ended.Stdout);
        Assert.Equal(1, document.RootElement.GetProperty("exitCode").GetInt32());
        Assert.Contains("is not in its registry", document.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("lock", document.RootElement.GetProperty("phases")[0].GetProperty("name").GetString());
    }

    private static class ExitCodeOf
    {
        public const int WrongInput = (int)ExitCode.WrongInput;
        public const int Unreachable = (int)ExitCode.Unreachable;
    }
}
