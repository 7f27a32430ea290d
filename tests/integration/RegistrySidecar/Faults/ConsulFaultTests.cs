using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>Consul is there and does not do its work. Containers come and go meanwhile; afterwards the catalog is right.</summary>
public sealed class ConsulFaultTests(SidecarConsul parts)
{
    private static readonly TimeSpan FaultLasts = TimeSpan.FromSeconds(1);

    // The longest backoff is 5 s, and the agent's answer makes everything due at once.
    private static readonly TimeSpan OneReconcile = TimeSpan.FromSeconds(8);

    private const int Many = 200;

    // Docker kills what has not ended 10 s after its SIGTERM.
    private static readonly TimeSpan DockersPatience = TimeSpan.FromSeconds(9);

    [Theory]
    [InlineData(Fault.InternalServerError)]
    [InlineData(Fault.TooManyRequests)]
    [InlineData(Fault.Forbidden)]
    [InlineData(Fault.Reset)]
    [InlineData(Fault.Hang)]
    public async Task Consul_FailsWhileContainersComeAndGo_IsRightAfterwards(Fault fault)
    {
        await using var consul = await ScriptedConsul.StartAsync(parts.Address);
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address });
        (string dies, string starts) = (mesh.Named("dies"), mesh.Named("starts"));
        var container = await mesh.RunAsync("dies", [$"SERVICE_NAME={dies}"]);
        await mesh.RegisteredAsync(dies);

        await consul.BeginAsync(fault);
        await mesh.KillAsync(container);
        await mesh.RunAsync("starts", [$"SERVICE_NAME={starts}"]);
        await ScriptedConsul.LastAsync(FaultLasts);
        Assert.InRange(consul.Hits, 1, 60);
        Assert.InRange(consul.Pending, 0, 16);
        await consul.EndAsync();

        var ended = Stopwatch.GetTimestamp();
        await mesh.RegisteredAsync(starts);
        await mesh.GoneAsync(dies);
        Assert.True(Stopwatch.GetElapsedTime(ended) < OneReconcile, $"It took {Stopwatch.GetElapsedTime(ended)}.");
        AssertRuns(sidecar);
    }

    [Fact]
    public async Task Consul_FailsAgainAndAgain_LeaksNoConnection()
    {
        await using var consul = await ScriptedConsul.StartAsync(parts.Address);
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address, Resync = TimeSpan.FromMilliseconds(100) });
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);

        for (var i = 0; i < 10; i++)
        {
            await consul.BeginAsync(i % 2 == 0 ? Fault.Reset : Fault.Hang);
            await consul.UntilAsync(faulty => faulty.Hits >= 2);
            await consul.EndAsync();
            await consul.UntilAsync(healthy => healthy.Forwarded >= 4);
        }

        // What is left: three blocking queries (documents, the latest one, what others registered), and at most one look at the agent.
        await consul.UntilAsync(healthy => healthy is { Pending: <= 3, Connections: <= 5 });
        AssertRuns(sidecar);
    }

    [Fact]
    public async Task Register_OneOfSeveralPortsFails_IsRetriedAlone()
    {
        await using var consul = await ScriptedConsul.StartAsync(parts.Address);
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        var registrations = 0;
        await consul.BeginAsync(Fault.InternalServerError, call =>
        {
            if (!call.IsRegistration || !call.Body.Contains(service, StringComparison.Ordinal))
                return false;
            Interlocked.Increment(ref registrations);
            return call.Body.Contains($"\"{service}-8600\"", StringComparison.Ordinal);
        });
        await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address, Internal = true });

        // The image exposes eight ports: three of them are UDP ones of the same number.
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}", "SERVICE_8600_UDP_IGNORE=true"]);
        await mesh.RegisteredAsync($"{service}-8500");
        await consul.UntilAsync(faulty => faulty.Hits >= 4);
        var others = registrations - consul.Hits;
        await mesh.GoneAsync($"{service}-8600");
        await consul.EndAsync();

        await mesh.RegisteredAsync($"{service}-8600");
        Assert.InRange(others, 1, 8);
    }

    [Fact]
    public async Task Register_OneHangs_TheOthersGoOnMeanwhile()
    {
        await using var consul = await ScriptedConsul.StartAsync(parts.Address);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address });
        (string hangs, string after) = (mesh.Named("hangs"), mesh.Named("after"));
        await consul.BeginAsync(Fault.Hang, call => call.IsRegistration && call.Body.Contains(hangs, StringComparison.Ordinal));

        await mesh.RunAsync("hangs", [$"SERVICE_NAME={hangs}"]);
        await consul.UntilAsync(faulty => faulty.Hits > 0);
        await mesh.RunAsync("after", [$"SERVICE_NAME={after}"]);
        await mesh.RegisteredAsync(after);

        await mesh.GoneAsync(hangs);
        await consul.EndAsync();
        await mesh.RegisteredAsync(hangs);
    }

    [Fact]
    public async Task Stop_DeregisterAndConsulHangsWithManyRegistrations_EndsBeforeDockerKillsIt()
    {
        await using var consul = await ScriptedConsul.StartAsync(parts.Address);
        await using var mesh = new SidecarMesh(parts);
        // Within the grace they are left alone, though nobody runs for them.
        var sidecar = await mesh.StartSidecarAsync(options => options with
        {
            ConsulAddress = consul.Address,
            CleanupGrace = TimeSpan.FromHours(1),
            OnExit = ServiceMesh.RegistrySidecar.Settings.OnExit.Deregister,
        });
        var service = mesh.Named("many");
        for (var number = 0; number < Many; number++)
            await parts.Client.Agent.ServiceRegister(mesh.Stale($"{service}-{number}", service), TestContext.Current.CancellationToken);
        var marker = mesh.Named("marker");
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);
        await consul.BeginAsync(Fault.Hang, call => call.Path.StartsWith("/v1/agent/service/deregister/", StringComparison.Ordinal));
        var lines = LogLines.Of(sidecar);

        var began = Stopwatch.GetTimestamp();
        await mesh.StopSidecarAsync(sidecar);

        Assert.True(Stopwatch.GetElapsedTime(began) < DockersPatience, $"It took {Stopwatch.GetElapsedTime(began)}.");
        await lines.UntilAsync("registrations could not be removed", "no answer within 2 s");
    }

    [Fact]
    public async Task Documents_CannotBeRead_IsCountedAndReadyzSaysSo()
    {
        await using var consul = await ScriptedConsul.StartAsync(parts.Address);
        await using var mesh = new SidecarMesh(parts);
        await consul.BeginAsync(Fault.InternalServerError, call => call.Path.StartsWith("/v1/kv/", StringComparison.Ordinal));
        var port = FreePort.Next();
        await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address, StatusPort = port });
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        await consul.UntilAsync(faulty => faulty.Hits >= 2);

        var metrics = await http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Matches(@"(?m)^mesh_sidecar_failures_total\{[^}]*kind=""consul_server""[^}]*\} [1-9]", metrics);
        var ready = await http.GetAsync("/readyz", TestContext.Current.CancellationToken);
        Assert.Contains("documents are not known", await ready.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Agent_LosesEverythingBehindTheSidecarsBack_HasAllBackWithinOneResync()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { Resync = TimeSpan.FromSeconds(1) });
        string[] services = [mesh.Named("one"), mesh.Named("two")];
        foreach (var service in services)
        {
            await mesh.RunAsync(service, [$"SERVICE_NAME={service}"]);
            var entry = await mesh.RegisteredAsync(service);
            await parts.Client.Agent.ServiceDeregister(entry.Service.ID, TestContext.Current.CancellationToken);
        }

        var lost = Stopwatch.GetTimestamp();
        foreach (var service in services)
            await mesh.RegisteredAsync(service);
        Assert.True(Stopwatch.GetElapsedTime(lost) < TimeSpan.FromSeconds(5), $"It took {Stopwatch.GetElapsedTime(lost)}.");
    }

    private static void AssertRuns(IHost sidecar) =>
        Assert.False(sidecar.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
}
