using Docker.DotNet;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The containers of one mesh on all of its Docker hosts.</summary>
/// <param name="reached">The hosts that answer.</param>
/// <param name="chosen">Those of them that new containers are spread over; one at least.</param>
/// <param name="time">For waiting.</param>
internal sealed class ContainerHosts(IReadOnlyList<ContainerHost> reached, IReadOnlyList<ContainerHost> chosen, TimeProvider time)
{
    /// <summary>What a host has for its answer: one that died is not waited for as long as its connection would be.</summary>
    public static TimeSpan Answers { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The hosts that new containers are spread over.</summary>
    public IReadOnlyList<ContainerHost> Chosen => chosen;

    public ContainerHost this[string name] => reached.First(host => host.Name == name);

    /// <summary>The containers of a service's releases on all hosts, by name, and where they are wanted those of its tests.</summary>
    public async Task<IReadOnlyList<OwnContainer>> ListAsync(string service, ServiceDocument? document, CancellationToken ct, bool withTests = false) =>
        ByName(await Task.WhenAll(reached.Select(host => host.NamedAsync(() => host.ListAsync(service, document, ct), ct))), withTests);

    /// <summary>The same where production has changed already: a host that does not answer is told of and left out.</summary>
    public Task<IReadOnlyList<OwnContainer>> ListReachableAsync(string service, ServiceDocument? document, Narrator narrator, CancellationToken ct, bool withTests = false) => ListReachableAsync(
        service, document, Answers, (host, cause) => narrator.Warn($"the containers of {service} on {host} are left as they are: {cause}"), ct, withTests);

    /// <summary>The same with the time that a host has, and what is told of one that does not answer: its name and why.</summary>
    public async Task<IReadOnlyList<OwnContainer>> ListReachableAsync(
        string service, ServiceDocument? document, TimeSpan within, Action<string, string> away, CancellationToken ct, bool withTests = false) =>
        ByName(await Task.WhenAll(reached.Select(async host =>
        {
            using var patience = new CancellationTokenSource(within, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
            try
            {
                return await host.NamedAsync(() => host.ListAsync(service, document, either.Token), either.Token);
            }
            catch (Exception error) when (!ct.IsCancellationRequested && Faults.Explain(error) is { } fault)
            {
                away(host.Name, patience.IsCancellationRequested ? $"it did not answer within {DurationText.Write(within)}" : fault.Message);
                return [];
            }
        })), withTests);

    /// <summary>Starts a container of a release. Where Docker refuses it, it is the release that cannot be started.</summary>
    public Task StartAsync(OwnContainer container, string release, CancellationToken ct) => OnAsync(
        container,
        async host =>
        {
            try
            {
                await host.StartAsync(container.Id, ct);
            }
            catch (DockerApiException error)
            {
                throw Faults.CannotStart(release, error);
            }
        },
        ct);

    public Task StopAsync(OwnContainer container, CancellationToken ct) => OnAsync(container, host => host.StopAsync(container, ct), ct);

    public Task RemoveAsync(OwnContainer container, CancellationToken ct) => OnAsync(container, host => host.RemoveAsync(container, ct), ct);

    /// <summary>The shares of containers whose hosts are known: no other host is asked.</summary>
    public async Task<IReadOnlyList<HostShare>> SharesAsync(IReadOnlyList<OwnContainer> containers, CancellationToken ct) =>
        await Task.WhenAll(containers.GroupBy(container => container.Host).Select(own => this[own.Key].NamedAsync(
            async () => new HostShare(this[own.Key], [.. own.Select(container => container.Id)], await this[own.Key].ClockAsync(ct)), ct)));

    /// <summary>Where containers are that are known by their ids alone. What is on none of the hosts is in none of the shares.</summary>
    public async Task<IReadOnlyList<HostShare>> LocateAsync(IReadOnlyList<string> ids, CancellationToken ct)
    {
        var shares = await Task.WhenAll(reached.Select(host => host.NamedAsync(async () =>
        {
            var since = await host.ClockAsync(ct);
            return new HostShare(host, await host.OfTheseAsync(ids, ct), since);
        }, ct)));
        return [.. shares.Where(share => share.Containers.Count > 0)];
    }

    private Task<bool> OnAsync(OwnContainer container, Func<ContainerHost, Task> work, CancellationToken ct) => this[container.Host].NamedAsync(
        async () =>
        {
            await work(this[container.Host]);
            return true;
        },
        ct);

    private static OwnContainer[] ByName(IEnumerable<IReadOnlyList<OwnContainer>> listed, bool withTests) =>
        [.. listed.SelectMany(containers => containers).Where(container => withTests || !container.IsTests).OrderBy(container => container.Name, StringComparer.Ordinal)];
}

/// <summary>The containers of a release on one host.</summary>
/// <param name="Host">The host.</param>
/// <param name="Containers">The containers' ids.</param>
/// <param name="Since">The host's own time from which on an end of one of them counts.</param>
internal sealed record HostShare(ContainerHost Host, IReadOnlyList<string> Containers, string Since);
