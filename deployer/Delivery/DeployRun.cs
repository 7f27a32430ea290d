using Consul;
using ServiceMesh.Deployer.Delivery.Canary;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>From a manifest and a version to a release that serves: the phases, in order.</summary>
internal sealed class DeployRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    private readonly Candidates candidates = new(mesh, hosts, narrator);
    private readonly Readiness readiness = new(mesh.Catalog, mesh.Settings.Environment, mesh.Time);

    /// <param name="manifest">What the service is.</param>
    /// <param name="version">The image's tag.</param>
    /// <param name="index">The index at which the service's document must still be; <c>null</c> for any.</param>
    /// <param name="digest">The digest that the tag must still have; <c>null</c> for any.</param>
    /// <param name="ct">The person's interruption.</param>
    public async Task<Delivered> RunAsync(ServiceManifest manifest, string version, ulong? index, string? digest, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, manifest.Name, "deploy", $"deploy of {version}", ct);
        using var way = new CandidateWay(mesh, narrator);
        var image = manifest.Image.At(version);
        attempt.Release = new Release(DeploymentId.New(), version, image.ToString(), mesh.Time.GetUtcNow());
        ServiceDocument after;
        ulong promoted;
        try
        {
            if (index is not null && index != attempt.Before.Index)
                throw Changed(manifest.Name, index.Value, attempt.Before.Index);
            await RouteClaims.RefuseAsync(mesh, manifest.Name, manifest.Routes, attempt.Token);
            if (SplitChange.Conflict(manifest, attempt.Before.Document) is { } other)
                throw new DeliveryException(ExitCode.WrongInput, other);
            await way.PrepareAsync(manifest, attempt.Token);
            var testsHost = manifest.Tests.Any(suite => suite.On == TestPlace.Ci) ? await mesh.TestsHostAsync(attempt.Token) : null;
            await candidates.CleanAsync(attempt, testsHost, manifest.Drain);
            var tests = await PullAsync(manifest, image, digest, attempt);
            var before = attempt.Before.Document ?? ServiceDocument.Create(manifest.Name, manifest.Routes);
            // The first release has nothing that it could be compared with, or come in the place of.
            var strategy = before.Active is null ? new Strategy() : manifest.Strategy;
            var target = await StartAsync(manifest, attempt, number => number <= (strategy.Rolling?.Batch ?? manifest.Replicas), []);
            // Now, for there is nothing to do but to wait.
            attempt.AskProxies();
            var instances = await HealthyAsync(manifest, attempt, target);
            await TestAsync(manifest, tests, way, instances, target, attempt);
            var split = SplitChange.Of(manifest, attempt.Release, before);
            // Before its first share as before the promotion: the tests may have taken hours, and ask one of the instances only.
            if (strategy is not { Canary: null, Rolling: null, Ab: null })
                await StillHealthyAsync(attempt, target);
            if (strategy.Canary is { } canary)
                await new CanarySteps(mesh, narrator).RunAsync(attempt, canary, await WholeAsync(manifest, attempt, before), split, target);
            if (strategy.Rolling is { } rolling)
                await new RollingUpdate(mesh, hosts, narrator).RunAsync(attempt, manifest, rolling, await WholeAsync(manifest, attempt, before), split, target, (step, earlier) => NextAsync(manifest, attempt, step, earlier));
            if (strategy.Ab is { } ab)
                return await SplitAsync(attempt, split with { Share = ab.Share, Header = ab.Header, Cookie = ab.Cookie }, Undivided(before));
            // The last batch of a rolling delivery, and all before it, have become healthy just now.
            (after, promoted) = await PromoteAsync(manifest, attempt, before, strategy.Rolling is null ? target : null);
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(InTraffic(attempt, error), reason => UndoAsync(manifest, attempt, reason)) is { } fault)
                throw fault;
            throw;
        }

        if (manifest.Watch is { } watch && await WatchAsync(attempt, watch, manifest.Replicas) is { } reason)
            throw attempt.Told(await new Reversion(mesh, hosts, narrator).RevertAsync(attempt, manifest, reason));
        await Promotion.FollowUpAsync(attempt, after, promoted, new Takeover(mesh, hosts, narrator), manifest.Drain, new Retention(manifest.Keep, manifest.Warm), narrator);
        return new Delivered(manifest.Name, attempt.Release, attempt.Before.Document?.Active, after, promoted, attempt.Tests);
    }

    private static DeliveryException Changed(string service, ulong planned, ulong now) => new(
        ExitCode.WrongInput,
        $"{service} was changed since the plan: its document is at index {now}, not {planned} ('deployer history {service}' tells by whom). Plan again.");

    private Task<IReadOnlyList<Instance>> StillHealthyAsync(Attempt attempt, ReadinessTarget target) =>
        narrator.PhaseAsync("healthy", async () => (await readiness.WaitAgainAsync(target, narrator.Warn, attempt.Token), "all still passing"));

    // What was so when the deployment began need not be so any more.
    private async Task<(ServiceDocument After, ulong Index)> PromoteAsync(ServiceManifest manifest, Attempt attempt, ServiceDocument before, ReadinessTarget? target)
    {
        if (target is not null)
            await StillHealthyAsync(attempt, target);
        var after = before.Promote(attempt.Release!, manifest.Routes, manifest.Traffic);
        return await Promotion.CommitAsync(attempt, after, narrator, RouteClaims.LookAtNew(mesh, attempt, after));
    }

    // Whatever the watch cannot see is no reason to revert: production has changed, and serves.
    private async Task<string?> WatchAsync(Attempt attempt, WatchPolicy watch, int started)
    {
        try
        {
            return await new ReleaseWatch(mesh, narrator).FaultAsync(attempt, watch, started);
        }
        catch (Exception error) when (attempt.Explain(error) is { } fault)
        {
            narrator.Warn($"{attempt.Service} {attempt.Release!.Version} is active, but the watch ended early: {fault.Reason}");
            return null;
        }
    }

    // With a share of the traffic whatever fails is no longer only a candidate's matter. Where Consul fails, it tells by itself what took place.
    private static Exception InTraffic(Attempt attempt, Exception error)
    {
        if (attempt.Explain(error) is not { Code: ExitCode.Unhealthy or ExitCode.Unreachable } ill
            || error is ConsulRequestException or { InnerException: ConsulRequestException }
            || !Standing.IsNamed(attempt.Current, attempt.Release))
        {
            return error;
        }

        var reason = ill.Message.Replace(" Production is unchanged.", "", StringComparison.Ordinal);
        return new DeliveryException(
            ill.Code == ExitCode.Unhealthy ? ExitCode.Reverted : ill.Code,
            ReversionSentence.ByFailure(attempt.Service, attempt.Release!.Version, reason, attempt.Before.Document!.Active!.Version),
            error)
        {
            Reason = reason,
            LogTail = ill.LogTail,
        };
    }

    // A canary that has requests is taken out of the traffic before its containers go.
    private async Task UndoAsync(ServiceManifest manifest, Attempt attempt, string reason)
    {
        if (Standing.IsNamed(attempt.Current, attempt.Release))
            await new Reversion(mesh, hosts, narrator).TakeOutAsync(attempt, manifest, reason);
        else
            await candidates.RemoveAsync(attempt, attempt.Release!);
    }

    private async Task<IReadOnlyList<string>> PullAsync(ServiceManifest manifest, ImageReference image, string? digest, Attempt attempt)
    {
        if (manifest.Tests.Count == 0)
            narrator.Warn($"{manifest.Name} has no tests in its manifest: nothing but its health stands between {image} and the traffic");
        return await narrator.PhaseAsync("pull", async () =>
        {
            var progress = new PullProgress();
            var testing = Task.WhenAll(manifest.Tests.Select(suite => PullTestsAsync(suite, image.Tag!, progress, attempt.Token)));
            var service = PullEverywhereAsync(image, progress, attempt.Token);
            // Both end before either is judged: nothing goes on behind a failure, and the service's own is told first.
            await Task.WhenAll((Task)service, testing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var (pulled, tests) = (await service, await testing);
            if (ExposedPorts.Fault(image.ToString(), manifest.Port, pulled.Ports) is { } fault)
                throw new DeliveryException(ExitCode.WrongInput, fault);
            var now = pulled.ByDigest.Split('@')[1];
            if (digest is not null && digest != now)
                throw new DeliveryException(ExitCode.WrongInput, $"{image} is another image than in the plan: its tag is {now} now, not {digest}. Plan again.");
            attempt.Release = attempt.Release! with { Image = pulled.ByDigest };
            return (tests, $"{image} is {now[..19]}…");
        });
    }

    // On all hosts at a time. A tag that was moved between two of them must not make two releases of one.
    private async Task<PulledImage> PullEverywhereAsync(ImageReference image, PullProgress progress, CancellationToken ct)
    {
        var pulls = hosts.Chosen.Select(host => host.NamedAsync(() => PullAsync(host, image, progress, ct), ct)).ToArray();
        await Task.WhenAll((IEnumerable<Task>)pulls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var pulled = await Task.WhenAll(pulls);
        return pulled.All(one => one.ByDigest == pulled[0].ByDigest)
            ? pulled[0]
            : throw new DeliveryException(ExitCode.WrongInput, $"the hosts got different images for {image}, so its tag was moved while it was pulled: run this again");
    }

    private async Task<string> PullTestsAsync(TestPolicy suite, string version, PullProgress progress, CancellationToken ct)
    {
        var (host, image) = (await TestsHostAsync(suite.On, ct), suite.Image.Tag is null ? suite.Image.At(version) : suite.Image);
        return await host.NamedAsync(
            async () =>
            {
                try
                {
                    return (await PullAsync(host, image, progress, ct)).ByDigest;
                }
                catch (DeliveryException error)
                {
                    throw new DeliveryException(error.Code, $"the tests' {error.Message}", error);
                }
            },
            ct);
    }

    private Task<PulledImage> PullAsync(ContainerHost host, ImageReference image, PullProgress progress, CancellationToken ct) => host.Images.PullAsync(
        image,
        message =>
        {
            if (progress.Note($"{host.Name} {image}", message) is { } come)
                narrator.Progress(come);
        },
        ct);

    private async Task<ContainerHost> TestsHostAsync(TestPlace place, CancellationToken ct) =>
        place == TestPlace.Production ? hosts.Chosen[0] : await mesh.TestsHostAsync(ct);

    private async Task<ReadinessTarget> NextAsync(ServiceManifest manifest, Attempt attempt, RollingStep step, ReadinessTarget earlier)
    {
        var target = await StartAsync(manifest, attempt, step.Has, earlier.Shares);
        await HealthyAsync(manifest, attempt, target);
        return target;
    }

    // What a rolling delivery that was killed has stopped serves again before the release that took its place leaves.
    private async Task<ServiceDocument> WholeAsync(ServiceManifest manifest, Attempt attempt, ServiceDocument before)
    {
        if (before is { Split: not null, Leaving: not null })
            await new Restart(mesh, hosts, narrator).OfActiveAsync(before, await hosts.ListAsync(manifest.Name, before, attempt.Token), manifest.Health.Deadline, attempt.Token);
        return Undivided(before);
    }

    // What was about to be stopped when another deployer was killed serves as well.
    private static ServiceDocument Undivided(ServiceDocument document) => document with { Split = null, Leaving = null };

    // It stays beside the active release, until a person has seen enough of it.
    private async Task<Delivered> SplitAsync(Attempt attempt, Split split, ServiceDocument before)
    {
        var (service, version) = (attempt.Service, split.Release.Version);
        var what = $"{SplitChange.Describe(split)} to {version}, the others to {before.Active!.Version}";
        var after = before with { Split = split };
        var index = await narrator.PhaseAsync("split", async () => (await attempt.ChangeAsync(after, what), what));
        await new ChangeRun(mesh, narrator).FollowedAsync(attempt, index);
        return new Delivered(service, split.Release, Replaced: null, after, index, attempt.Tests)
        {
            What = $"sends {what}; 'deployer promote {service} {CandidateSpec.Short(split.Release.Deployment)}' makes {version} the active release, 'deployer abort {service}' ends it",
        };
    }

    private async Task<ReadinessTarget> StartAsync(ServiceManifest manifest, Attempt attempt, Func<int, bool> asked, IReadOnlyList<HostShare> earlier) =>
        await narrator.PhaseAsync("start", async () =>
        {
            var shares = await candidates.StartAsync(manifest, attempt.Release!, asked, attempt.Token);
            var target = new ReadinessTarget(manifest.Name, attempt.Release!, [.. earlier, .. shares], manifest.Health.HealthyFor, manifest.Health.Deadline);
            var where = hosts.Chosen.Count > 1 ? $" on {string.Join(", ", shares.Select(share => share.Host.Name))}" : "";
            var count = shares.Sum(share => share.Containers.Count);
            return (target, $"{count} container{(count == 1 ? "" : "s")} of deployment {CandidateSpec.Short(attempt.Release!.Deployment)}{where}");
        });

    private async Task<IReadOnlyList<Instance>> HealthyAsync(ServiceManifest manifest, Attempt attempt, ReadinessTarget target) =>
        await narrator.PhaseAsync("healthy", async () =>
        {
            var instances = await readiness.WaitAsync(target, attempt.Token);
            return (
                instances,
                $"{string.Join(", ", instances.Select(instance => instance.Url))} passing for {DurationText.Write(manifest.Health.HealthyFor)}");
        });

    // One suite after the other; the first that fails is enough.
    private async Task TestAsync(
        ServiceManifest manifest, IReadOnlyList<string> images, CandidateWay way, IReadOnlyList<Instance> instances, ReadinessTarget target, Attempt attempt)
    {
        foreach (var (suite, image) in manifest.Tests.Zip(images))
        {
            await narrator.PhaseAsync("tests", async () =>
            {
                var found = await way.FindAsync(suite, target.Release, instances[0], attempt.Before.Document, attempt.Token);
                narrator.Say($"running {suite.Image} against {found.Url}{(found.Pass is null ? "" : " as a candidate")}{(found.Host is null ? "" : $", by Host {found.Host} (MESH_CANDIDATE_HOST)")}");
                var container = CandidateSpec.OfTests(manifest, suite, mesh.Secrets.Of(suite.Secrets), image, target.Release, found, mesh.Settings.Environment);
                var host = await TestsHostAsync(suite.On, attempt.Token);
                var runner = new TestRunner(host, narrator, mesh.Time);
                var run = await Readiness.WhileAllRunAsync(target, token => host.NamedAsync(() => runner.RunAsync(container, suite.Timeout, token), token), attempt.Token);
                attempt.Tests.Add(run = run with { Suite = suite.Name });
                if (TestRunner.Rejection(manifest.Name, target.Release.Version, run, suite.Timeout) is { } reason)
                {
                    var tail = await target.TailAsync(attempt.Token);
                    throw new DeliveryException(ExitCode.Rejected, reason) { LogTail = tail };
                }

                var counts = $"{run.Passed?.ToString() ?? "?"} passed, {run.Failed?.ToString() ?? "?"} failed";
                return (run, suite.Name is null ? counts : $"{suite.Name}: {counts}");
            });
        }
    }
}
