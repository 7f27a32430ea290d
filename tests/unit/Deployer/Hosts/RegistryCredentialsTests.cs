using Microsoft.Extensions.Time.Testing;
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
        var error = await Assert.ThrowsAsync<DeliveryException>(() => RegistryCredentials.AskHelperAsync("no-such", "cd:5000", TimeProvider.System, Ct));

        Assert.Equal(ExitCode.WrongInput, error.Code);
        Assert.StartsWith("docker-credential-no-such, which Docker's config.json names, cannot be run: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(". Install it, or take it out of that file and log in again with 'docker login cd:5000'", error.Message, StringComparison.Ordinal);
    }

    // Such as a keyring that asks for its password where nobody sees it.
    [Fact]
    public async Task AskHelper_ItHangs_IsEndedAfterHalfAMinute()
    {
        using var helper = new HangingHelper();
        var time = new FakeTimeProvider();
        var asking = RegistryCredentials.AskHelperAsync(helper.Name, "cd:5000", time, Ct);
        await helper.RunsAsync(true);

        time.Advance(TimeSpan.FromSeconds(30));

        var error = await Assert.ThrowsAsync<DeliveryException>(() => asking);
        Assert.Equal(ExitCode.Unreachable, error.Code);
        Assert.Equal(
            $"docker-credential-{helper.Name}, which Docker's config.json names, did not answer within 30s: 'echo cd:5000 | docker-credential-{helper.Name} get' shows what it waits for. "
            + "Mend that, or take it out of that file and log in again with 'docker login cd:5000'",
            error.Message);
        await helper.RunsAsync(false);
    }

    [Fact]
    public async Task AskHelper_Interrupted_IsEnded()
    {
        using var helper = new HangingHelper();
        using var interruption = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var asking = RegistryCredentials.AskHelperAsync(helper.Name, "cd:5000", TimeProvider.System, interruption.Token);
        await helper.RunsAsync(true);

        await interruption.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await helper.RunsAsync(false);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static RegistryCredentials Of(string config, Func<string, string, string?>? helper = null) =>
        new(config, (name, registry, _) => Task.FromResult(helper?.Invoke(name, registry)));

    /// <summary>A credential helper in the PATH that never answers.</summary>
    private sealed class HangingHelper : IDisposable
    {
        private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("helper-");

        public HangingHelper()
        {
            Environment.SetEnvironmentVariable("PATH", $"{Environment.GetEnvironmentVariable("PATH")}:{folder.FullName}");
            var program = Path.Combine(folder.FullName, $"docker-credential-{Name}");
            File.WriteAllText(program, $"#!/bin/sh\necho $$ > {Pid}.new\nmv {Pid}.new {Pid}\nexec sleep 100\n");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        public string Name => folder.Name;

        private string Pid => Path.Combine(folder.FullName, "pid");

        /// <summary>Waits until it runs, or until it does not any more.</summary>
        public async Task RunsAsync(bool wanted)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            deadline.CancelAfter(TimeSpan.FromMinutes(1));
            while ((File.Exists(Pid) && Directory.Exists($"/proc/{File.ReadAllText(Pid).Trim()}")) != wanted)
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, deadline.Token);
        }

        public void Dispose() => folder.Delete(recursive: true);
    }
}
