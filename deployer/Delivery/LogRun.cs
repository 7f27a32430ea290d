using Docker.DotNet;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>One line that a container printed.</summary>
internal sealed record LogLine(string Container, string Line);

/// <summary>Passes on what the containers of a service print.</summary>
internal sealed class LogRun(Mesh mesh, ContainerHosts hosts)
{
    /// <param name="service">The service's name.</param>
    /// <param name="prefix">Whose output; <c>null</c> for the active release's.</param>
    /// <param name="tail">How many lines of each that were printed already; <c>null</c> for all.</param>
    /// <param name="follow">Whether to go on until the containers end.</param>
    /// <param name="tell">Gets each line, and whether there are lines of more than one container.</param>
    /// <param name="warn">Hears at once of a container whose output ends by a failure while that of others goes on.</param>
    /// <param name="ct">The person's interruption.</param>
    /// <exception cref="DeliveryException">A container's output could not be read to its end, even where the person has interrupted since.</exception>
    public async Task RunAsync(string service, string? prefix, int? tail, bool follow, Action<LogLine, bool> tell, Action<string> warn, CancellationToken ct)
    {
        var document = (await mesh.Store.ReadAsync(service, ct))?.Document;
        var containers = LogChoice.Find(service, prefix, document, await ListAsync(service, document, ct));
        var telling = new Lock();
        DeliveryException? lost = null;
        // One after the other where nothing happens any more: their lines would be mixed up.
        if (follow)
        {
            var following = containers.Select(container => containers.Count > 1 ? FollowAsync(container) : ReadAsync(container)).ToArray();
            await Task.WhenAll(following).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (lost is not null)
                throw lost;
            await Task.WhenAll(following);
            return;
        }

        foreach (var container in containers)
            await ReadAsync(container);

        async Task FollowAsync(OwnContainer container)
        {
            try
            {
                await ReadAsync(container);
            }
            catch (Exception error) when (!ct.IsCancellationRequested && Faults.Explain(error) is { } fault)
            {
                var told = new DeliveryException(fault.Code, $"what {container.Name}{(hosts[container.Host].IsOneOfSeveral ? $" on {container.Host}" : "")} prints is not told any more: {fault.Message}", error);
                lost ??= told;
                warn(told.Message);
            }
        }

        async Task ReadAsync(OwnContainer container)
        {
            try
            {
                await hosts[container.Host].OutputAsync(container.Id, tail, follow, line =>
                {
                    lock (telling)
                        tell(new LogLine(container.Name, line), containers.Count > 1);
                }, ct);
            }
            catch (DockerApiException error)
            {
                throw new DeliveryException(ExitCode.WrongInput, $"what {container.Name} printed cannot be read: {Faults.DockerSaid(error)}. Mend that on its host, then run this again.", error);
            }
        }
    }

    // Those that were started by hand and never promoted have nothing of the deployer's: only Consul knows whose they are.
    private async Task<IReadOnlyList<OwnContainer>> ListAsync(string service, ServiceDocument? document, CancellationToken ct)
    {
        var listed = await hosts.ListAsync(service, document, ct, withTests: true);
        var registered = (await mesh.Catalog.WithContainersAsync(service, ct)).Where(entry => entry.Container.Length > 0).Select(entry => entry.Container);
        string[] others = [.. registered.Except(listed.Select(container => container.Id), StringComparer.Ordinal)];
        if (others.Length == 0)
            return listed;
        var located = await hosts.LocateAsync(others, ct);
        var found = await Task.WhenAll(located.SelectMany(share => share.Containers.Select(id => share.Host.ByHandAsync(id, version: "", ct))));
        return [.. listed, .. found.OfType<OwnContainer>()];
    }
}
