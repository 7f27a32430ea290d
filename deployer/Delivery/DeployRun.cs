using ServiceMesh.Deployer.Delivery.Canary;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>From a manifest and a version to a release that serves: the phases, in order.</summary>
internal sealed class DeployRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    private readonly Candidates candidates = new(mesh, hosts, narrator);
    private readonly Readiness readiness = new(mesh.Catalog, mesh.Settings.Environment, mesh.Time);

    public async Task<Delivered> RunAsync(ServiceManifest manifest, string version, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, manifest.Name, "deploy", $"deploy of {version}", ct);
        var image = manifest.Image.At(version);
        attempt.Release = new Release(DeploymentId.New(), version, image.ToString(), mesh.Time.GetUtcNow());
        ServiceDocument after;
        ulong index;
        try
        {
            await RefuseTakenRoutesAsync(manifest, attempt.Token);
            await candidates.CleanAsync(manifest.Name, attempt.Before.Document, attempt.Token);
            var testsImage = await PullAsync(manifest, image, attempt);
            var containers = await StartAsync(manifest, attempt);
            var instances = await HealthyAsync(manifest, attempt, containers);
            await TestAsync(manifest, testsImage, instances, containers, attempt);
            var before = attempt.Before.Document ?? ServiceDocument.Create(manifest.Name, manifest.Routes);
            // The first release has nothing that it could be compared with.
            if (manifest.Canary is { } canary && before.Active is not null)
                await new CanarySteps(mesh, narrator).RunAsync(attempt, canary, before);
            after = before.Promote(attempt.Release, manifest.Routes) with { Traffic = manifest.Traffic };
            index = await Promotion.CommitAsync(attempt, after, narrator);
        }
        catch (Exception error)
        {
            if (!attempt.OutcomeUnknown)
                await UndoAsync(manifest, attempt, error);
            if (await attempt.FailAsync(error) is { } fault)
                throw fault;
            throw;
        }

        if (manifest.Watch is { } watch && attempt.Locked && await WatchAsync(attempt, watch) is { } reason)
            throw await new Reversion(mesh, hosts, narrator).RevertAsync(attempt, manifest, reason);
        await Promotion.FollowUpAsync(attempt, after, index, new Takeover(mesh, hosts, narrator), manifest.Drain, manifest.Keep, narrator);
        return new Delivered(manifest.Name, attempt.Release, attempt.Before.Document?.Active, index, attempt.Tests);
    }

    // Whatever the watch cannot see is no reason to revert: production has changed, and serves.
    private async Task<string?> WatchAsync(Attempt attempt, WatchPolicy watch)
    {
        try
        {
            return await new ReleaseWatch(mesh, narrator).FaultAsync(attempt, watch);
        }
        catch (Exception error) when (Faults.Explain(error) is { } fault)
        {
            narrator.Warn($"{attempt.Service} {attempt.Release!.Version} is active, but the watch ended early: {fault.Message}");
            return null;
        }
    }

    // A canary that has requests is taken out of the traffic before its containers go.
    private async Task UndoAsync(ServiceManifest manifest, Attempt attempt, Exception error)
    {
        if (attempt.Current.Document?.Split?.Release.Deployment == attempt.Release?.Deployment && attempt.Release is not null)
            await new Reversion(mesh, hosts, narrator).EndSplitAsync(attempt, manifest, (Faults.Explain(error) ?? error).Message);
        else
            await candidates.RemoveAsync(manifest.Name, attempt.Release);
    }

    private async Task RefuseTakenRoutesAsync(ServiceManifest manifest, CancellationToken ct)
    {
        if (RouteClaims.Conflict(manifest.Name, manifest.Routes, await mesh.Store.ListAsync(ct)) is { } conflict)
            throw new DeliveryException(ExitCode.WrongInput, conflict);
    }

    private async Task<string?> PullAsync(ServiceManifest manifest, ImageReference image, Attempt attempt)
    {
        var tests = manifest.Tests?.Image is { } named ? named.Tag is null ? named.At(attempt.Release!.Version) : named : null;
        if (tests is null)
            narrator.Warn($"{manifest.Name} has no tests in its manifest: nothing but its health stands between {image} and the traffic");
        return await narrator.PhaseAsync("pull", async () =>
        {
            var testing = PullTestsAsync(tests, manifest.Tests?.On, attempt.Token);
            var service = PullEverywhereAsync(image, attempt.Token);
            // Both end before either is judged: nothing goes on behind a failure, and the service's own is told first.
            await Task.WhenAll((Task)service, testing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var (pulled, pulledTests) = (await service, await testing);
            if (ExposedPorts.Fault(image.ToString(), manifest.Port, pulled.Ports) is { } fault)
                throw new DeliveryException(ExitCode.WrongInput, fault);
            attempt.Release = attempt.Release! with { Image = pulled.ByDigest };
            return (pulledTests?.ByDigest, $"{image} is {pulled.ByDigest.Split('@')[1][..19]}…");
        });
    }

    // On all hosts at a time. A tag that was moved between two of them must not make two releases of one.
    private async Task<PulledImage> PullEverywhereAsync(ImageReference image, CancellationToken ct)
    {
        var pulls = hosts.Chosen.Select(host => hosts.OnAsync(host, () => host.Images.PullAsync(image, ct))).ToArray();
        await Task.WhenAll((IEnumerable<Task>)pulls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var pulled = await Task.WhenAll(pulls);
        return pulled.All(one => one.ByDigest == pulled[0].ByDigest)
            ? pulled[0]
            : throw new DeliveryException(ExitCode.WrongInput, $"the hosts got different images for {image}, so its tag was moved while it was pulled: run this again");
    }

    private async Task<PulledImage?> PullTestsAsync(ImageReference? tests, TestPlace? place, CancellationToken ct)
    {
        try
        {
            return tests is null ? null : await (await TestsHostAsync(place!.Value, ct)).Images.PullAsync(tests, ct);
        }
        catch (DeliveryException error)
        {
            throw new DeliveryException(error.Code, $"the tests' {error.Message}", error);
        }
    }

    private async Task<ContainerHost> TestsHostAsync(TestPlace place, CancellationToken ct) =>
        place == TestPlace.Production ? hosts.Chosen[0] : await mesh.TestsHostAsync(ct);

    private async Task<ReadinessTarget> StartAsync(ServiceManifest manifest, Attempt attempt) =>
        await narrator.PhaseAsync("start", async () =>
        {
            var shares = await candidates.StartAsync(manifest, attempt.Release!, attempt.Token);
            var target = new ReadinessTarget(manifest.Name, attempt.Release!, shares, manifest.Health.HealthyFor, manifest.Health.Deadline);
            var where = hosts.Chosen.Count > 1 ? $" on {string.Join(", ", shares.Select(share => share.Host.Name))}" : "";
            return (target, $"{target.Count} container{(target.Count == 1 ? "" : "s")} of deployment {CandidateSpec.Short(attempt.Release!.Deployment)}{where}");
        });

    private async Task<IReadOnlyList<Instance>> HealthyAsync(ServiceManifest manifest, Attempt attempt, ReadinessTarget target) =>
        await narrator.PhaseAsync("healthy", async () =>
        {
            var instances = await readiness.WaitAsync(target, attempt.Token);
            return (
                instances,
                $"{string.Join(", ", instances.Select(instance => instance.Url))} passing for {DurationText.Write(manifest.Health.HealthyFor)}");
        });

    private async Task TestAsync(
        ServiceManifest manifest, string? image, IReadOnlyList<Instance> instances, ReadinessTarget target, Attempt attempt)
    {
        if (manifest.Tests is not { } tests || image is null)
            return;
        await narrator.PhaseAsync("tests", async () =>
        {
            narrator.Say($"running {tests.Image} against {instances[0].Url}");
            var container = CandidateSpec.OfTests(manifest, tests, image, target.Release, instances[0].Url, mesh.Settings.Environment);
            var runner = new TestRunner(await TestsHostAsync(tests.On, attempt.Token), narrator, mesh.Time);
            attempt.Tests = await Readiness.WhileAllRunAsync(target, token => runner.RunAsync(container, tests.Timeout, token), attempt.Token);
            if (TestRunner.Rejection(manifest.Name, target.Release.Version, attempt.Tests, tests.Timeout) is { } reason)
            {
                var tail = await target.TailAsync(attempt.Token);
                throw new DeliveryException(ExitCode.Rejected, reason) { LogTail = tail, Tests = attempt.Tests };
            }

            return (attempt.Tests, $"{attempt.Tests.Passed?.ToString() ?? "?"} passed, {attempt.Tests.Failed?.ToString() ?? "?"} failed");
        });
    }
}
