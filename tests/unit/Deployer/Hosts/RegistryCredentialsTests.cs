using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer.Hosts;

public sealed class RegistryCredentialsTests
{
    [Theory]
    [InlineData("demo", "https://index.docker.io/v1/")]
    [InlineData("team/demo", "https://index.docker.io/v1/")]
    [InlineData("docker.io/team/demo", "https://index.docker.io/v1/")]
    [InlineData("index.docker.io/team/demo", "https://index.docker.io/v1/")]
    [InlineData("cd:5000/demo", "cd:5000")]
    [InlineData("localhost/demo", "localhost")]
    [InlineData("registry.example/team/demo", "registry.example")]
    public void RegistryOf_ARepository_AsDockerReadsIt(string repository, string registry) =>
        Assert.Equal(registry, RegistryCredentials.RegistryOf(repository));

    [Fact]
    public async Task For_ALogin_UserAndPassword()
    {
        var auth = await Of("""{"auths": {"cd:5000": {"auth": "Y2k6YTpi"}}}""").ForAsync("cd:5000/demo", Ct);

        Assert.Equal(("ci", "a:b", "cd:5000"), (auth!.Username, auth.Password, auth.ServerAddress));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"auths": {}}""")]
    [InlineData("""{"auths": {"cd:5000": {}}}""")]
    [InlineData("""{"auths": {"other:5000": {"auth": "Y2k6YTpi"}}}""")]
    public async Task For_NoLogin_Nothing(string config) => Assert.Null(await Of(config).ForAsync("cd:5000/demo", Ct));

    [Theory]
    [InlineData("""{"credsStore": "pass"}""")]
    [InlineData("""{"credsStore": "other", "credHelpers": {"cd:5000": "pass"}}""")]
    public async Task For_AHelper_WhatItTells(string config)
    {
        var auth = await Of(config, (name, registry) => $$"""{"Username": "{{name}}", "Secret": "{{registry}}"}""").ForAsync("cd:5000/demo", Ct);

        Assert.Equal(("pass", "cd:5000"), (auth!.Username, auth.Password));
    }

    [Fact]
    public async Task For_AHelpersToken_IsAnIdentityToken()
    {
        var auth = await Of("""{"credsStore": "pass"}""", (_, _) => """{"Username": "<token>", "Secret": "t"}""").ForAsync("cd:5000/demo", Ct);

        Assert.Equal((null, "t"), (auth!.Username, auth.IdentityToken));
    }

    [Theory]
    [InlineData("no json: hunter2")]
    [InlineData("""{"auths": {"cd:5000": {"auth": "hunter2!"}}}""")]
    public async Task For_AnUnreadableFile_SaysSoWithoutItsText(string config)
    {
        var error = await Assert.ThrowsAsync<DeliveryException>(() => Of(config).ForAsync("cd:5000/demo", Ct));

        Assert.Equal(ExitCode.WrongInput, error.Code);
        Assert.Contains("log in again with 'docker login cd:5000'", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AskHelper_ThereIsNone_SaysWhatToDo()
    {
        var error = await Assert.ThrowsAsync<DeliveryException>(() => RegistryCredentials.AskHelperAsync("no-such", "cd:5000", Ct));

        Assert.Equal(ExitCode.WrongInput, error.Code);
        Assert.StartsWith("docker-credential-no-such, which Docker's config.json names, cannot be run: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(". Install it, or take it out of that file and log in again with 'docker login cd:5000'", error.Message, StringComparison.Ordinal);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static RegistryCredentials Of(string config, Func<string, string, string?>? helper = null) =>
        new(config, (name, registry, _) => Task.FromResult(helper?.Invoke(name, registry)));
}
