using Consul;
using Docker.DotNet.Models;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.Tests.Integration.RegistrySidecar.Faults;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>What the sidecar itself says of a container's health: its HEALTHCHECK, its heartbeat, its pauses.</summary>
public sealed class HealthTests(SidecarConsul parts)
{
    // USR2 makes it well, HUP makes it sick.
    private const string Patient = "trap 'touch /tmp/well' USR2; trap 'rm -f /tmp/well' HUP; while :; do sleep 0.1; done";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Healthcheck_ContainerBecomesWellAndSick_IsFollowed()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("patient");
        var container = await RunPatientAsync(mesh, service);
        Assert.Equal(HealthStatus.Critical, Mirror(await mesh.RegisteredAsync(service))!.Status);

        await CureAsync(mesh, container);
        await mesh.UntilAsync(service, entries => entries is [var only] && Mirror(only) is { Output: "fine" } check && check.Status == HealthStatus.Passing);
        await mesh.KillAsync(container, "HUP");
        await mesh.UntilAsync(service, entries => entries is [var only] && Mirror(only) is { Output: "sick" } check && check.Status == HealthStatus.Critical);
    }

    [Fact]
    public async Task Healthcheck_StageChangesAndSidecarRestarts_NeverFlaps()
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync();
        var service = mesh.Named("patient");
        var container = await RunPatientAsync(mesh, service);
        await CureAsync(mesh, container);
        await mesh.UntilAsync(service, entries => entries is [var only] && Mirror(only)?.Status == HealthStatus.Passing);
        var seen = new List<string>();
        var watching = mesh.UntilAsync(service, entries =>
        {
            seen.Add(string.Join(',', entries.Select(State)));
            return seen[^1].StartsWith("retired", StringComparison.Ordinal);
        });

        await mesh.PutDocumentAsync(SidecarMesh.Document(service, container));
        await mesh.StageAsync(service, "active");
        await mesh.StopSidecarAsync(sidecar);
        await mesh.StartSidecarAsync();
        var before = (await parts.Client.Health.Service(service, Ct)).LastIndex;
        using (var http = new HttpClient())
            (await http.PutAsync(new Uri(parts.Address, "/v1/agent/reload"), content: null, Ct)).EnsureSuccessStatusCode();
        var after = await parts.Client.Health.Service(
            service, "", passingOnly: false, new QueryOptions { WaitIndex = before, WaitTime = TimeSpan.FromSeconds(3) }, Ct);
        Assert.Equal(before, after.LastIndex);
        await mesh.PutDocumentAsync(SidecarMesh.Document(service, "other", container));
        await watching;

        Assert.Equal(["candidate/passing", "active/passing", "retired/passing"], seen.Where((state, index) => index == 0 || state != seen[index - 1]));
    }

    [Fact]
    public async Task Agent_RestartedWithItsData_TheStageAndTheMirrorKeepAsTheyWere()
    {
        await using var consul = new SidecarConsul { KeepsData = true };
        await consul.InitializeAsync();
        await using var mesh = new SidecarMesh(consul);
        await mesh.StartSidecarAsync(options => options with { Resync = TimeSpan.FromSeconds(1) });
        (string well, string sick) = (mesh.Named("well"), mesh.Named("sick"));
        var cured = await RunPatientAsync(mesh, well);
        await mesh.PutDocumentAsync(SidecarMesh.Document(well, cured));
        await CureAsync(mesh, cured);
        await mesh.PutDocumentAsync(SidecarMesh.Document(sick, await RunPatientAsync(mesh, sick)));
        await mesh.UntilAsync(well, entries => entries is [var only] && State(only) == "active/passing");
        await mesh.StageAsync(sick, "active");

        await consul.RestartAsync();

        var seen = new HashSet<string>();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        over.CancelAfter(TimeSpan.FromSeconds(10));
        while (!over.IsCancellationRequested)
        {
            try
            {
                foreach (var service in (string[])[well, sick])
                    seen.UnionWith((await consul.Client.Health.Service(service, Ct)).Response.Select(entry => $"{service}={State(entry)}"));
            }
            catch (ConsulRequestException)
            {
                // It is not up yet, or has no leader.
            }

            await ScriptedConsul.LastAsync(TimeSpan.FromMilliseconds(20));
        }

        Assert.Equal([$"{sick}=active/critical", $"{well}=active/passing"], seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Start_SidecarBesideAHealthyContainer_RegistersItAsPassingAtOnce()
    {
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("patient");
        var container = await RunPatientAsync(mesh, service);
        await CureAsync(mesh, container);
        var seen = new List<string?>();
        var watching = mesh.UntilAsync(service, entries =>
        {
            seen.AddRange(entries.Select(entry => Mirror(entry)?.Status.Status));
            return seen.Count > 0;
        });

        await mesh.StartSidecarAsync();
        await watching;

        Assert.Equal(["passing"], seen);
    }

    [Fact]
    public async Task Heartbeat_LongerThanTheTtl_PassesAndWakesNobody()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}", "SERVICE_CHECK_TTL=2s", "SERVICE_CHECK_TCP=false"]);
        await mesh.UntilAsync(service, entries => entries is [var only] && only.Checks.All(check => check.Status == HealthStatus.Passing));
        var before = await parts.Client.Health.Service(service, Ct);

        var after = await parts.Client.Health.Service(
            service, "", passingOnly: false, new QueryOptions { WaitIndex = before.LastIndex, WaitTime = TimeSpan.FromSeconds(5) }, Ct);

        Assert.Equal(before.LastIndex, after.LastIndex);
        Assert.All(Assert.Single(after.Response).Checks, check => Assert.Equal(HealthStatus.Passing, check.Status));
    }

    [Fact]
    public async Task Heartbeat_ApplicationReportsItself_IsLeftToIt()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}", "SERVICE_CHECK_TTL=1h", "SERVICE_CHECK_TTL_HEARTBEAT=false"]);
        var check = $"service:{(await mesh.RegisteredAsync(service)).Service.ID}";

        await parts.Client.Agent.PassTTL(check, "mine", Ct);

        await mesh.UntilAsync(service, entries => entries is [var only] && only.Checks.Any(one => one.CheckID == check && one.Output == "mine"));
    }

    [Fact]
    public async Task Pause_UntilUnpause_IsMaintenanceWhateverHappensBetween()
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}", "SERVICE_CHECK_TTL=1h", "SERVICE_CHECK_TCP=false"]);
        await mesh.RegisteredAsync(service);

        await mesh.PauseAsync(container);
        await mesh.UntilAsync(service, entries => entries is [var only] && Maintenance(only)?.Notes == CheckPlanner.PauseReason && IsBeating(only) is false);
        await mesh.PutDocumentAsync(SidecarMesh.Document(service, container));
        Assert.NotNull(Maintenance(Assert.Single(await mesh.StageAsync(service, "active"))));
        await mesh.StopSidecarAsync(sidecar);
        await mesh.StartSidecarAsync();
        await mesh.UnpauseAsync(container);

        await mesh.UntilAsync(service, entries => entries is [var only] && Maintenance(only) is null && IsBeating(only));
    }

    [Fact]
    public async Task Unpause_MaintenanceByAnOperator_Stays()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        (string service, string marker) = (mesh.Named("web"), mesh.Named("marker"));
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await parts.Client.Agent.EnableServiceMaintenance((await mesh.RegisteredAsync(service)).Service.ID, "by hand", Ct);

        await mesh.PauseAsync(container);
        await mesh.UnpauseAsync(container);
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        Assert.Equal("by hand", Maintenance(await mesh.RegisteredAsync(service))!.Notes);
    }

    [Fact]
    public async Task DefaultCheck_Candidate_PassesNoEarlierThanItAnswers()
    {
        await using var mesh = new SidecarMesh(parts);
        // Consul runs in a container here, and on a published port Docker's own proxy would answer it.
        await mesh.StartSidecarAsync(options => options with { Internal = true, Explicit = true });
        (string silent, string answers) = (mesh.Named("silent"), mesh.Named("answers"));

        await mesh.RunAsync("silent", [$"SERVICE_8500_TCP_NAME={silent}", "SERVICE_CHECK_INITIAL_STATUS=passing"]);
        await mesh.RunAsync("answers", [$"SERVICE_8500_TCP_NAME={answers}"], answers: true);
        await mesh.UntilAsync(answers, entries => entries is [var only] && only.Checks.All(check => check.Status == HealthStatus.Passing));

        var check = Assert.Single((await mesh.RegisteredAsync(silent)).Checks, check => check.CheckID.StartsWith("mesh:default:", StringComparison.Ordinal));
        Assert.Equal(HealthStatus.Critical, check.Status);
    }

    private static Task<string> RunPatientAsync(SidecarMesh mesh, string service) => mesh.RunAsync(
        $"of-{service}",
        [$"SERVICE_NAME={service}"],
        change: parameters =>
        {
            parameters.Cmd = [Patient];
            parameters.Healthcheck = new HealthcheckConfig
            {
                Test = ["CMD-SHELL", "if test -f /tmp/well; then echo fine; else echo sick; exit 1; fi"],
                Interval = TimeSpan.FromMilliseconds(300),
                Timeout = TimeSpan.FromSeconds(5),
                Retries = 1,
            };
        });

    /// <summary>Makes a patient well, once it is up to hear that; Docker is asked, because there may be no sidecar.</summary>
    private async Task CureAsync(SidecarMesh mesh, string container)
    {
        await HealthAsync(container, "unhealthy");
        await mesh.KillAsync(container, "USR2");
        await HealthAsync(container, "healthy");
    }

    private async Task HealthAsync(string container, string status)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while ((await parts.Docker.Containers.InspectContainerAsync(container, deadline.Token)).State!.Health?.Status != status)
            await timer.WaitForNextTickAsync(deadline.Token);
    }

    private static string State(ServiceEntry entry) => $"{entry.Service.Tags[0]}/{Mirror(entry)?.Status.Status}";

    private static HealthCheck? Mirror(ServiceEntry entry) => entry.Checks.FirstOrDefault(check => check.CheckID.StartsWith("mesh:healthcheck:", StringComparison.Ordinal));

    private static HealthCheck? Maintenance(ServiceEntry entry) =>
        entry.Checks.FirstOrDefault(check => check.CheckID.StartsWith(HealthStatus.ServiceMaintenancePrefix, StringComparison.Ordinal));

    private static bool IsBeating(ServiceEntry entry) => entry.Checks.Any(check => check.CheckID == $"service:{entry.Service.ID}" && check.Status == HealthStatus.Passing);
}
