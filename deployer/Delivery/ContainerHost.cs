using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.Deployer.Hosts;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The containers of one mesh on one Docker host.</summary>
internal sealed partial class ContainerHost(DockerHost host, IDockerClient docker, RegistryCredentials credentials, Func<SecretValues> secrets, string environment, TimeProvider time)
{
    private const int LogLines = 20;
    private const int LongestComplaint = 300;

    // A container that was started by hand has its own id for a deployment id.
    private const int ContainerIdLength = 64;

    // Docker's library gives each call 100 s, and a stop no end. What else has none goes on by its nature, and is ended elsewhere: a pull by
    // its silence, tests by their timeout, events with the work that they are watched for, a log that a person reads by that person.
    private static readonly TimeSpan StopsWithin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan OthersRemoval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RemovalLook = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TailWithin = TimeSpan.FromSeconds(5);

    public string Name => host.Name;

    /// <summary>The host's IP address on which container ports are published.</summary>
    public string Publish => host.Publish;

    /// <summary>Whether a failure must name the host, for there is another one.</summary>
    public bool IsOneOfSeveral { get; init; }

    /// <summary>
    /// What tells its Engine from every other one; the id alone does not: a machine's copy may have the same, and so has, before
    /// Docker 23, a second Engine of the same machine.
    /// </summary>
    public (string? Id, string? Machine, string? Folder) Engine { get; init; }

    public ImageStore Images { get; } = new(docker, credentials, time);

    /// <summary>Does the work for this host, and names the host in its failure where there are several. That it was cancelled is no failure of the host's.</summary>
    public async Task<T> NamedAsync<T>(Func<Task<T>> work, CancellationToken ct)
    {
        try
        {
            return await work();
        }
        catch (Exception error) when (IsOneOfSeveral && !ct.IsCancellationRequested && Faults.Explain(error) is { } fault)
        {
            throw new DeliveryException(fault.Code, $"on {Name}: {fault.Message}", error) { Reason = $"on {Name}: {fault.Reason}", LogTail = fault.LogTail };
        }
    }

    /// <summary>The containers that were deployed for the service, those of its tests too, and those of its releases that were started by hand.</summary>
    public async Task<IReadOnlyList<OwnContainer>> ListAsync(string service, ServiceDocument? document, CancellationToken ct)
    {
        var containers = await DeployedAsync(service, [], ct);
        foreach (var release in (document?.Releases ?? []).Where(release => release.Deployment.Length == ContainerIdLength))
        {
            if (await ByHandAsync(release.Deployment, release.Version, ct) is { } container)
                containers.Add(container);
        }

        return containers;
    }

    /// <summary>The containers of the service's tests.</summary>
    public async Task<IReadOnlyList<OwnContainer>> TestsAsync(string service, CancellationToken ct) =>
        await DeployedAsync(service, [ContainerLabel.Tests], ct);

    /// <summary>A container that somebody else than the deployer made; <c>null</c> if it is not on this host.</summary>
    public async Task<OwnContainer?> ByHandAsync(string id, string version, CancellationToken ct)
    {
        try
        {
            var container = await InspectAsync(id, ct);
            return new OwnContainer(Name, container.ID, container.Name.TrimStart('/'), container.ID, version, container.State?.Running is true, ByHand: true);
        }
        catch (DockerContainerNotFoundException)
        {
            return null;
        }
    }

    // Docker has no other mark for it than its words.
    private static bool IsUnderWay(DockerApiException error) =>
        error.StatusCode == HttpStatusCode.Conflict && error.ResponseBody?.Contains("already in progress", StringComparison.Ordinal) == true;

    private async Task<List<OwnContainer>> DeployedAsync(string service, string[] labels, CancellationToken ct)
    {
        var deployed = await docker.Containers.ListContainersAsync(
            new ContainersListParameters
            {
                All = true,
                Filters = Filter("label", [$"{ContainerLabel.Environment}={environment}", $"{ContainerLabel.Service}={service}", ContainerLabel.Deployment, .. labels]),
            },
            ct);
        return
        [
            .. deployed.Select(container => new OwnContainer(
                Name,
                container.ID,
                container.Names.FirstOrDefault("").TrimStart('/'),
                container.Labels[ContainerLabel.Deployment],
                container.Labels.TryGetValue(ContainerLabel.Version, out var version) ? version : "",
                container.State is "running" or "restarting" or "paused",
                ByHand: false)
            {
                // Not by what keeps the sidecar from it: an image may have that label, and serve.
                IsTests = container.Labels.ContainsKey(ContainerLabel.Tests),
                IsRestarting = container.State is "restarting",
                IsUnused = container.State is "created",
                Image = container.Image,
                CreatedAt = new DateTimeOffset(container.Created.ToUniversalTime()),
            }),
        ];
    }

    public async Task<string> CreateAsync(CreateContainerParameters parameters, CancellationToken ct) =>
        (await docker.Containers.CreateContainerAsync(parameters, ct)).ID;

    public Task StartAsync(string id, CancellationToken ct) => docker.Containers.StartContainerAsync(id, null, ct);

    /// <summary>Asks the container to end, and after 10 s ends it; it stays on the host.</summary>
    /// <exception cref="DeliveryException">Docker has not come to the end of that within 30 s: it hangs.</exception>
    public async Task StopAsync(OwnContainer container, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(StopsWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            await docker.Containers.StopContainerAsync(container.Id, new ContainerStopParameters { WaitBeforeKillSeconds = 10 }, either.Token);
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            var hangs = $"Docker hangs: it did not stop {container.Name} within {DurationText.Write(StopsWithin)}, and may do so later";
            throw new DeliveryException(ExitCode.Unreachable, $"{hangs}. {Faults.DockerMend}", error) { Reason = hangs };
        }
    }

    /// <summary>Removes a container of the service's. A release that runs is asked to end first: it may have more under way than requests. Tests answer nobody.</summary>
    public async Task RemoveAsync(OwnContainer container, CancellationToken ct)
    {
        try
        {
            if (container is { Running: true, IsTests: false })
                await StopAsync(container, ct);
        }
        catch (DockerContainerNotFoundException)
        {
            return;
        }

        await RemoveAsync(container.Id, ct);
    }

    /// <summary>Removes the container, running or not. One that is gone, or that somebody else removes just now, is what was wanted.</summary>
    /// <exception cref="DockerApiException">Docker refuses it, or another's removal has not come to its end within 10 s.</exception>
    public async Task RemoveAsync(string id, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                await docker.Containers.RemoveContainerAsync(id, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }, ct);
                return;
            }
            catch (DockerContainerNotFoundException)
            {
                return;
            }
            catch (DockerApiException error) when (IsUnderWay(error) && time.GetElapsedTime(began) < OthersRemoval)
            {
                await Task.Delay(RemovalLook, time, ct);
            }
        }
    }

    /// <summary>Which of the containers are on this host.</summary>
    public async Task<IReadOnlyList<string>> OfTheseAsync(IReadOnlyList<string> ids, CancellationToken ct)
    {
        var here = await docker.Containers.ListContainersAsync(new ContainersListParameters { All = true, Filters = Filter("id", [.. ids]) }, ct);
        return [.. here.Select(container => container.ID)];
    }

    public Task<ContainerInspectResponse> InspectAsync(string id, CancellationToken ct) => docker.Containers.InspectContainerAsync(id, ct);

    /// <summary>Waits for the container's end.</summary>
    public async Task<long> ExitCodeAsync(string id, CancellationToken ct) => (await docker.Containers.WaitContainerAsync(id, ct)).StatusCode;

    /// <summary>Passes on all that a container prints, until it ends.</summary>
    public Task FollowOutputAsync(string id, Action<string> line, CancellationToken ct) => OutputAsync(id, tail: null, follow: true, line, ct);

    /// <summary>Passes on what a container printed: its last lines or, without <paramref name="tail"/>, all of it.</summary>
    public Task OutputAsync(string id, int? tail, bool follow, Action<string> line, CancellationToken ct) => ReadAsync(
        id, new ContainerLogsParameters { ShowStdout = true, ShowStderr = true, Follow = follow, Tail = tail is null ? "all" : $"{tail}" }, line, ct);

    /// <summary>
    /// The last lines that a container printed; none if Docker does not have them, or is silent: they only illustrate a failure, and
    /// neither take its place nor keep what follows it waiting.
    /// </summary>
    public async Task<IReadOnlyList<string>> TailAsync(string id, CancellationToken ct)
    {
        var tail = new LogTail(LogLines);
        using var patience = new CancellationTokenSource(TailWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            await ReadAsync(id, new ContainerLogsParameters { ShowStdout = true, ShowStderr = true, Tail = $"{LogLines}" }, tail.Add, either.Token);
        }
        catch (Exception error) when (!ct.IsCancellationRequested && Faults.Explain(error) is not null)
        {
            // The container is gone, the host's logging driver cannot be read, or Docker does not answer.
        }

        return tail.Lines;
    }

    /// <summary>What was said of a container, in one line without its secrets, nor the beginning of one where it was cut.</summary>
    public async Task<string> MaskAsync(string id, string said, CancellationToken ct)
    {
        var whole = ForeignText.Cleaned(said).TrimEnd('…');
        var masked = (await SecretsOfAsync(id, ct)).Mask(whole, cut: said.EndsWith('…'));
        return ForeignText.Shown(ForeignText.CleanedLine(masked), LongestComplaint);
    }

    private async Task<SecretValues> SecretsOfAsync(string id, CancellationToken ct) => secrets().And(SecretValues.In(await InspectAsync(id, ct)));

    private async Task ReadAsync(string id, ContainerLogsParameters parameters, Action<string> line, CancellationToken ct)
    {
        var known = await SecretsOfAsync(id, ct);
        using var stream = await docker.Containers.GetContainerLogsAsync(id, parameters, ct);
        var (stdout, stderr) = (new OutputLines(known, line), new OutputLines(known, line));
        var buffer = new byte[16 * 1024];
        while (await stream.ReadOutputAsync(buffer, 0, buffer.Length, ct) is { EOF: false } read)
            (read.Target == MultiplexedStream.TargetStream.StandardError ? stderr : stdout).Append(buffer.AsSpan(0, read.Count));
        stdout.Complete();
        stderr.Complete();
    }

    private static Dictionary<string, IDictionary<string, bool>> Filter(string key, params string[] values) =>
        new() { [key] = values.Distinct().ToDictionary(value => value, _ => true) };
}
