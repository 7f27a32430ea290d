using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>What a container asks for is what a real agent runs: its own account of each check, and what asks it.</summary>
public sealed class CheckKindTests : IAsyncLifetime
{
    private readonly SidecarConsul parts = new() { Arguments = ["-enable-script-checks"], SeesDocker = true };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => parts.InitializeAsync();

    public ValueTask DisposeAsync() => parts.DisposeAsync();

    [Theory]
    [InlineData("SERVICE_CHECK_GRPC=true", "service grpc")]
    [InlineData("SERVICE_CHECK_GRPC=true SERVICE_CHECK_GRPC_USE_TLS=true SERVICE_CHECK_TLS_SKIP_VERIFY=true", "service grpc")]
    [InlineData("SERVICE_CHECK_HTTPS=/health SERVICE_CHECK_HTTPS_METHOD=HEAD SERVICE_CHECK_HEADER={\"X\":[\"1\",\"2\"]} SERVICE_CHECK_BODY=x SERVICE_CHECK_TLS_SKIP_VERIFY=true", "service http")]
    [InlineData("SERVICE_CHECK_SCRIPT=true SERVICE_CHECK_TIMEOUT=3s", "service script")]
    [InlineData("SERVICE_CHECK_CMD=true", "service script")]
    [InlineData("SERVICE_CHECK_DOCKER=true", "service docker")]
    [InlineData("SERVICE_CHECK_TCP=true SERVICE_CHECK_SUCCESS_BEFORE_PASSING=2 SERVICE_CHECK_FAILURES_BEFORE_CRITICAL=3", "service tcp")]
    [InlineData(
        "SERVICE_CHECK_HTTP=/a SERVICE_CHECK_HTTPS=/b SERVICE_CHECK_TCP=true SERVICE_CHECK_GRPC=true SERVICE_CHECK_TTL=1h SERVICE_CHECK_SCRIPT=true SERVICE_CHECK_DOCKER=true",
        "docker docker", "grpc grpc", "http http", "https http", "script script", "tcp tcp", "ttl ttl")]
    public async Task Check_OfThisKind_IsTakenByTheAgentAsSuch(string env, params string[] kinds)
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { EnableScriptChecks = true });
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}", .. env.Split(' ')]);
        var id = (await mesh.RegisteredAsync(service)).Service.ID;

        var checks = (await parts.Client.Agent.Checks(Ct)).Response.Values.Where(check => check.ServiceID == id);

        Assert.Equal(
            kinds.Select(kind => kind.StartsWith("service ", StringComparison.Ordinal) ? $"service:{id} {kind.Split(' ')[1]}" : $"mesh:{kind.Split(' ')[0]}:{id} {kind.Split(' ')[1]}"),
            checks.Select(check => $"{check.CheckID} {check.Type}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Check_ByScript_RunsWithItsWordsAndTellsItsOutput()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { EnableScriptChecks = true });
        var service = mesh.Named("web");
        await mesh.RunAsync("web",
        [
            $"SERVICE_NAME={service}", "SERVICE_CHECK_SCRIPT=echo 'a  b' $SERVICE_IP:$SERVICE_PORT", "SERVICE_CHECK_INTERVAL=1s",
        ]);

        await mesh.UntilAsync(service, entries => entries is [var only] && only.Checks.Any(
            check => check.Output.Contains($"a  b {parts.HostAddress}:{only.Service.Port}", StringComparison.Ordinal) && check.Status == Consul.HealthStatus.Passing));
    }

    [Fact]
    public async Task Check_InsideTheContainer_RunsThere()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { EnableScriptChecks = true });
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}", "SERVICE_CHECK_DOCKER=hostname", "SERVICE_CHECK_INTERVAL=1s"]);

        await mesh.UntilAsync(service, entries => entries is [var only] && only.Checks.Any(
            check => check.Output.Contains(container[..12], StringComparison.Ordinal) && check.Status == Consul.HealthStatus.Passing));
    }
}
