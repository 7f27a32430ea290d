using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>From Docker's events to the catalog. No resync comes within these tests, so each event alone must do.</summary>
public sealed class LifecycleTests(SidecarConsul parts)
{
    [Fact]
    public async Task Start_ContainerWithMetadata_IsRegisteredWithTagsMetaAndCheck()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");

        var container = await mesh.RunAsync(
            "web",
            [$"SERVICE_NAME={service}", "SERVICE_TAGS=a,b", "SERVICE_REGION=eu", "SERVICE_CHECK_HTTP=/v1/status/leader", "SERVICE_CHECK_INTERVAL=1s"],
            new Dictionary<string, string> { [ContainerLabel.Version] = "v1" },
            answers: true);
        var entry = Assert.Single(await mesh.UntilAsync(service, entries => entries is [var only] && only.Checks.All(check => check.Status == Consul.HealthStatus.Passing)));

        Assert.Equal($"{mesh.Node}:{mesh.Named("web")}:8500", entry.Service.ID);
        Assert.Equal(["candidate", "a", "b"], entry.Service.Tags);
        Assert.Equal((parts.HostAddress, await mesh.PublishedPortAsync(container)), (entry.Service.Address, entry.Service.Port));
        Assert.Equal(
            (mesh.Node, mesh.Environment, container, container, "v1", "eu"),
            (entry.Service.Meta[InstanceMeta.Owner], entry.Service.Meta[InstanceMeta.Environment], entry.Service.Meta[InstanceMeta.Container],
                entry.Service.Meta[InstanceMeta.Deployment], entry.Service.Meta[InstanceMeta.Version], entry.Service.Meta["region"]));
        Assert.StartsWith("sha256:", entry.Service.Meta[InstanceMeta.Image], StringComparison.Ordinal);
        Assert.Contains(entry.Checks, check => check.CheckID == $"service:{entry.Service.ID}");
    }

    [Fact]
    public async Task Start_SidecarAfterTheContainer_RegistersIt()
    {
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);

        await mesh.StartSidecarAsync();

        await mesh.RegisteredAsync(service);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Die_RegisteredContainer_IsGone(bool autoRemove)
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { CleanupGrace = TimeSpan.FromHours(1) });
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"], autoRemove: autoRemove);
        await mesh.RegisteredAsync(service);

        await mesh.KillAsync(container);

        await mesh.GoneAsync(service);
    }

    [Fact]
    public async Task Restart_NewDynamicPort_IsFollowed()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        var before = await mesh.RegisteredAsync(service);

        await mesh.RestartAsync(container);
        var port = await mesh.PublishedPortAsync(container);
        var after = Assert.Single(await mesh.UntilAsync(service, entries => entries is [var only] && only.Service.Port == port));

        Assert.Equal(before.Service.ID, after.Service.ID);
    }

    [Fact]
    public async Task StartAndDie_ManyInQuickSuccession_CatalogEndsEqualToWhatRuns()
    {
        const int containers = 4, restarts = 3;
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        string[] names = [.. Enumerable.Range(0, containers).Select(number => $"web{number}")];

        var ids = await Task.WhenAll(names.Select(async (name, number) =>
        {
            var id = await mesh.RunAsync(name, [$"SERVICE_NAME={mesh.Named(name)}"]);
            for (var restart = 0; restart < restarts; restart++)
            {
                await mesh.KillAsync(id);
                await parts.Docker.Containers.StartContainerAsync(id, cancellationToken: TestContext.Current.CancellationToken);
            }

            if (number % 2 == 0)
                await mesh.KillAsync(id);
            return id;
        }));

        for (var number = 0; number < containers; number++)
        {
            int[] ports = number % 2 == 0 ? [] : [await mesh.PublishedPortAsync(ids[number])];
            await mesh.UntilAsync(mesh.Named(names[number]), entries => entries.Select(entry => entry.Service.Port).SequenceEqual(ports));
        }
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(143, false)]
    [InlineData(1, true)]
    public async Task Die_OnSuccessPolicyAndSuccess_IsGone(int exitCode, bool autoRemove)
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { Deregister = ServiceMesh.RegistrySidecar.Settings.DeregisterPolicy.OnSuccess });
        var service = mesh.Named("web");
        var container = await mesh.RunAsync(
            "web",
            [$"SERVICE_NAME={service}"],
            autoRemove: autoRemove,
            change: parameters => parameters.Cmd = [$"trap 'exit {exitCode}' USR1; while :; do sleep 0.1; done"]);
        await mesh.RegisteredAsync(service);

        // No signal that ends a container: what it ends with decides.
        await mesh.KillAsync(container, "USR1");

        await mesh.GoneAsync(service);
    }

    [Fact]
    public async Task Die_OutOfMemory_IsGone()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"], change: parameters =>
        {
            parameters.Cmd = ["trap 'exec tail /dev/zero' USR1; while :; do sleep 0.1; done"];
            parameters.HostConfig!.Memory = parameters.HostConfig.MemorySwap = 16 * 1024 * 1024;
        });
        await mesh.RegisteredAsync(service);

        await mesh.KillAsync(container, "USR1");

        await mesh.GoneAsync(service);
        // Not every Docker notes why, but nobody else sent a KILL.
        var ended = await parts.Docker.Containers.WaitContainerAsync(container, TestContext.Current.CancellationToken);
        Assert.Equal(137, ended.StatusCode);
    }

    [Fact]
    public async Task Die_OnSuccessPolicyAndExitCode1_StaysAsItWas()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { Deregister = ServiceMesh.RegistrySidecar.Settings.DeregisterPolicy.OnSuccess });
        string[] services = [mesh.Named("fails"), mesh.Named("killed")];
        var fails = await mesh.RunAsync("fails", [$"SERVICE_NAME={services[0]}", "SERVICE_CHECK_TTL=1h"]);
        var killed = await mesh.RunAsync("killed", [$"SERVICE_NAME={services[1]}"]);
        var before = await mesh.RegisteredAsync(services[0]);
        await mesh.RegisteredAsync(services[1]);

        await mesh.KillAsync(fails, "USR1");
        // So the sidecar knows that it ended.
        await mesh.UntilAsync(services[0], entries => entries is [var only] && only.Checks.Any(check => check.Output == "The container has ended."));
        await mesh.KillAsync(killed);
        await mesh.GoneAsync(services[1]);

        Assert.Equal(before.Service.ID, (await mesh.RegisteredAsync(services[0])).Service.ID);
    }

    [Fact]
    public async Task Rename_RegisteredContainer_ChangesItsId()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);

        await mesh.RenameAsync(container, "renamed");

        await mesh.UntilAsync(service, entries => entries is [var only] && only.Service.ID == $"{mesh.Node}:{mesh.Named("renamed")}:8500");
    }

    [Fact]
    public async Task Start_HostileContainer_ConcernsOnlyItself()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var labels = Enumerable.Range(0, 500).ToDictionary(number => $"SERVICE_K{number}", number => $"{number}\u0001");
        labels["SERVICE_TAGS"] = new string('x', 64 * 1024);
        labels["SERVICE_CHECK_HEADER"] = "{{{";
        (string hostile, string good) = (mesh.Named("hostile"), mesh.Named("good"));

        await mesh.RunAsync("hostile", [$"SERVICE_NAME={hostile}"], labels);
        await mesh.RunAsync("good", [$"SERVICE_NAME={good}"]);

        await mesh.RegisteredAsync(good);
        Assert.Equal(64, (await mesh.RegisteredAsync(hostile)).Service.Meta.Count);
    }
}
