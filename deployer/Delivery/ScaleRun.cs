using Docker.DotNet;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>More or fewer replicas of the active release. Their digest serves already, so no tests are asked.</summary>
internal sealed class ScaleRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    public async Task<Delivered> RunAsync(string service, int replicas, TimeSpan deadline, TimeSpan drain, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, service, "scale", $"scale to {replicas}", ct);
        var started = new List<OwnContainer>();
        ScalePlan plan;
        ServiceDocument after;
        ulong index;
        var what = "";
        try
        {
            var before = attempt.Before.Document;
            attempt.Release = before?.Active
                ?? throw new DeliveryException(ExitCode.WrongInput, $"nothing of '{service}' is active: deploy it first, or look at 'deployer status'");
            what = $"{Replicas(replicas)} of {attempt.Release.Version}";
            var containers = await hosts.ListAsync(service, before, attempt.Token);
            var instances = await InstancesAsync(service, attempt.Token);
            plan = ScalePlan.Of(
                attempt.Release, replicas, containers, container => instances[container.Id].Any(instance => before.Leaving?.Contains(instance) == true));
            if (plan is { Start.Count: 0, Leave.Count: 0 })
            {
                return containers.Any(container => container.Deployment == attempt.Release.Deployment)
                    ? new Delivered(service, attempt.Release, Replaced: null, before, attempt.Before.Index, Tests: []) { What = $"has {Replicas(replicas)} already" }
                    : throw new DeliveryException(
                        ExitCode.WrongInput, $"no container of {service} {attempt.Release.Version} is on these Docker hosts: there is nothing to make more of. Deploy it again.");
            }

            after = before with { Leaving = plan.Leave.Count > 0 ? [.. plan.Leave.SelectMany(container => instances[container.Id])] : null };
            if (plan.Start.Count > 0)
                await StartAsync(plan, containers, started, attempt, deadline);
            index = await narrator.PhaseAsync("change", async () => (await attempt.ChangeAsync(after, what), what));
        }
        catch (Exception error)
        {
            if (started.Count > 0)
                attempt.Serving = $"{string.Join(", ", started.Select(container => container.Name))} may serve. 'deployer scale {service} <n>' makes more or fewer, 'deployer status {service}' tells of it.";
            if (await attempt.FailAsync(error, started.Count == 0 ? null : reason => UndoAsync(started, attempt, deadline, drain, reason)) is { } fault)
                throw fault;
            throw;
        }

        await LeaveAsync(plan.Leave, after, index, drain, attempt);
        return new Delivered(service, attempt.Release, Replaced: null, after, index, Tests: []) { What = $"has {what}" };
    }

    private async Task StartAsync(
        ScalePlan plan, IReadOnlyList<OwnContainer> containers, List<OwnContainer> started, Attempt attempt, TimeSpan deadline)
    {
        var release = attempt.Release!;
        var own = containers.Where(container => container.Deployment == release.Deployment).ToArray();
        var shares = await narrator.PhaseAsync("start", async () =>
        {
            var like = own.OrderBy(container => container.ByHand).ThenByDescending(container => container.Running).First();
            var pattern = await hosts[like.Host].InspectAsync(like.Id, attempt.Token);
            try
            {
                foreach (var (hostName, number) in plan.Start)
                {
                    attempt.Token.ThrowIfCancellationRequested();
                    var parameters = CandidateSpec.Like(pattern, attempt.Service, release, number, mesh.Settings.Environment, hosts[hostName].Publish);
                    // Not cancelled: whatever Docker makes must be known here, so that it can be removed.
                    var id = await hosts[hostName].CreateAsync(parameters, CancellationToken.None);
                    started.Add(new OwnContainer(hostName, id, parameters.Name!, release.Deployment, release.Version, Running: true, ByHand: false));
                }

                // These alone are waited for: one more is wanted all the more where one of the others is ill.
                var located = await hosts.SharesAsync(started, attempt.Token);
                await Task.WhenAll(started.Select(container => hosts.StartAsync(container, $"{attempt.Service} {release.Version}", attempt.Token)));
                return (located, string.Join(", ", started.Select(container => container.Name)));
            }
            catch (DockerApiException error)
            {
                throw Faults.CannotStart($"{attempt.Service} {release.Version}", error);
            }
        });
        await narrator.PhaseAsync("healthy", async () =>
        {
            // Its digest has served before, so it need not prove itself for a time again.
            var target = new ReadinessTarget(attempt.Service, release, shares, TimeSpan.Zero, deadline);
            var passing = await new Readiness(mesh.Catalog, mesh.Settings.Environment, mesh.Time).WaitAsync(target, attempt.Token);
            return (passing, $"{string.Join(", ", passing.Select(instance => instance.Url))} passing");
        });
    }

    // Production has changed already, so nothing here may fail it.
    private async Task LeaveAsync(IReadOnlyList<OwnContainer> surplus, ServiceDocument after, ulong index, TimeSpan drain, Attempt attempt)
    {
        if (surplus.Count == 0)
            return;
        try
        {
            if (after.Leaving is { Count: > 0 } leaving
                && !await new Takeover(mesh, hosts, narrator).LeaveAsync(after, index, leaving.ToHashSet(StringComparer.Ordinal), drain, attempt.Token))
            {
                return;
            }

            await narrator.PhaseAsync("remove", async () =>
            {
                await attempt.FenceAsync(index, attempt.Token);
                await Task.WhenAll(surplus.Select(container => hosts.RemoveAsync(container, attempt.Token)));
                return (surplus, string.Join(", ", surplus.Select(container => container.Name)));
            });
        }
        catch (Exception error) when (attempt.Explain(error) is { } fault)
        {
            // By whoever has the lock now it may get requests again.
            narrator.Warn(fault.Code == ExitCode.Locked
                ? $"{fault.Reason}; what is beyond is left as it is: 'deployer status {attempt.Service}' tells whether it serves, and the next scale or deploy removes it where it does not"
                : $"{fault.Reason}; what is beyond gets no requests any more, and the next scale removes it");
        }
    }

    // New replicas may have had traffic: they leave it in order. While the first drain, others are registered.
    private async Task UndoAsync(List<OwnContainer> started, Attempt attempt, TimeSpan deadline, TimeSpan drain, string reason)
    {
        // The person may have interrupted, and what got traffic is still to leave it in order.
        using var limit = new OwnLimit(OwnLimit.OfTheWayBack(deadline, drain), mesh.Time);
        try
        {
            HashSet<string> leaving = [];
            // Once more directly before they end, too: one that is registered by then has requests.
            do
            {
                // Without a document there is nothing that they could leave: Consul has lost it.
                while (attempt.Current.Document is { } current && await RegisteredAsync(started, attempt.Service, limit.Token) is var registered && !leaving.IsSupersetOf(registered))
                {
                    leaving.UnionWith(registered);
                    var after = current with { Leaving = [.. (current.Leaving ?? []).Union(leaving)] };
                    var index = await narrator.PhaseAsync("revert", async () => (await attempt.RevertAsync(after, reason), "the new replicas leave the traffic"));
                    if (!await new Takeover(mesh, hosts, narrator).LeaveAsync(after, index, leaving, drain, limit.Token))
                        return;
                }

                await attempt.FenceAsync(attempt.Current.Index, limit.Token);
            }
            while (attempt.Current.Document is not null && !leaving.IsSupersetOf(await RegisteredAsync(started, attempt.Service, limit.Token)));
            // The lock is the last question: that look may have taken a while.
            await attempt.FenceAsync(attempt.Current.Index, limit.Token);
            attempt.Serving = null;
            await Task.WhenAll(started.Select(container => hosts.RemoveAsync(container, limit.Token)));
        }
        catch (Exception error) when (Faults.Explain(error) is not null)
        {
            narrator.Warn($"the new replicas could not be removed ({limit.Reason(error)}): run 'deployer scale {attempt.Service}' again");
        }
    }

    private async Task<IEnumerable<string>> RegisteredAsync(List<OwnContainer> containers, string service, CancellationToken ct)
    {
        var instances = await InstancesAsync(service, ct);
        return containers.SelectMany(container => instances[container.Id]);
    }

    private async Task<ILookup<string, string>> InstancesAsync(string service, CancellationToken ct) =>
        (await ConsulAnswer.OfAsync(() => mesh.Catalog.WithContainersAsync(service, ct), mesh.Time, ct)).ToLookup(entry => entry.Container, entry => entry.Instance.Id);

    private static string Replicas(int replicas) => replicas == 1 ? "1 replica" : $"{replicas} replicas";
}
