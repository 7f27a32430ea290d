using System.Globalization;
using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;
using NSubstitute;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>
/// A Docker Engine in memory: a few slots, in each of which containers come and go. What it does, it tells in events, which
/// wait until the test delivers them. An answer may be overtaken by a change, and a call may fail.
/// </summary>
internal sealed class SimulatedDocker
{
    public const int Slots = 5;
    public const string Heartbeat = "SERVICE_CHECK_TTL=10m";

    /// <summary>How many events Docker keeps.</summary>
    private const int Kept = 256;

    // The last slot's containers share the network of what is in another when they are created.
    private const int Sharing = 4;
    private const int Shared = 2;

    private readonly Lock gate = new();
    private readonly SimulatedContainer?[] slots = new SimulatedContainer?[Slots];
    private readonly List<SimulatedContainer> created = [];
    private int nextPort = 30000;
    private int nextAddress = 2;

    public SimulatedDocker()
    {
        Client = Substitute.For<IDockerClient>();
        Client.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>())
            .Returns(_ => ListAsync());
        Client.Containers.InspectContainerAsync(Arg.Any<string>(), Arg.Any<CancellationToken>())
            .Returns(call => InspectAsync(call.Arg<string>()));
    }

    public IDockerClient Client { get; }

    /// <summary>What happened and was not delivered yet, oldest first.</summary>
    public List<Message> Undelivered { get; } = [];

    /// <summary>All that happened.</summary>
    public List<Message> History { get; } = [];

    /// <summary>What Docker tells whoever asks for the past.</summary>
    public IEnumerable<Message> Remembered => History.TakeLast(Kept);

    public DateTimeOffset Clock { get; private set; } = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    public bool ListFails { get; set; }

    /// <summary>The slots whose containers cannot be inspected.</summary>
    public HashSet<int> InspectFails { get; } = [];

    /// <summary>Happens between the moment that the next list shows and its answer.</summary>
    public Action? DuringList { get; set; }

    /// <summary>Happens between the moment that the next inspect of a slot shows and its answer.</summary>
    public Dictionary<int, Action> DuringInspect { get; } = [];

    /// <summary>Whether a container went on in spite of a signal that ends most.</summary>
    public bool WasDisobeyed { get; private set; }

    public IEnumerable<SimulatedContainer> Running => slots.OfType<SimulatedContainer>().Where(container => container.IsRunning);

    /// <summary>The container of this id; <c>null</c> if there is none any more.</summary>
    public SimulatedContainer? Find(string id) => slots.FirstOrDefault(container => container?.Id == id);

    /// <summary>Whether the container runs whose network this one shares; so it is where it shares none.</summary>
    public bool HasNetwork(SimulatedContainer container) => container.NetworkOwner is null || OwnerOf(container) is not null;

    /// <summary>Where a running container is in its network, or in the one that it shares; <c>null</c> if it is in none.</summary>
    public string? AddressOf(SimulatedContainer container) => (container.NetworkOwner is null ? container : OwnerOf(container))?.Address;

    public void Pass(TimeSpan duration) => Clock += duration;

    /// <summary>Starts the slot's container; a new one where there is none. Docker starts none without the network that it shares.</summary>
    public void Start(int slot)
    {
        if (slot == Sharing && slots[Shared] is not { IsRunning: true })
            return;
        var container = slots[slot] ??= Create(slot);
        if (container.IsRunning || !HasNetwork(container))
            return;
        Connect(container);
        container.IsRunning = true;
        container.StartedAt = Tick();
        container.ExitCode = 0;
        container.Health = container.Health is null ? null : "starting";
        // The first slot publishes three ports. Every other slot has ports of Docker's choice, new at each start.
        int[] ports = slot == 0 ? [80, 81, 443] : [80];
        container.Ports = ports.ToDictionary(port => port, port => slot == Sharing ? port : slot % 2 == 0 ? nextPort++ : 8000 + slot);
        Tell(container, "start");
    }

    public void Die(int slot, long exitCode = 0)
    {
        if (slots[slot] is not { IsRunning: true } container)
            return;
        container.IsRunning = container.IsPaused = false;
        container.Ports = [];
        container.ExitCode = exitCode;
        Tell(container, "die", "exitCode", exitCode.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Sends a signal that ends most containers; whether this one obeys is its own affair.</summary>
    public void Signal(int slot, bool obeyed)
    {
        if (slots[slot] is not { IsRunning: true } container)
            return;
        Tell(container, "kill", "signal", "15");
        WasDisobeyed |= !obeyed;
        if (obeyed)
            Die(slot, 143);
    }

    public void Restart(int slot)
    {
        Die(slot);
        Start(slot);
    }

    public void Remove(int slot)
    {
        Die(slot, 137);
        if (slots[slot] is not { } container)
            return;
        slots[slot] = null;
        Tell(container, "destroy");
    }

    /// <summary>Swaps between the slot's two names, so that a name may come back.</summary>
    public void Rename(int slot)
    {
        if (slots[slot] is not { } container)
            return;
        container.Name = container.Name == NameOf(slot) ? NameOf(slot) + "-renamed" : NameOf(slot);
        Tell(container, "rename");
    }

    public void TogglePause(int slot)
    {
        if (slots[slot] is not { IsRunning: true } container)
            return;
        container.IsPaused = !container.IsPaused;
        Tell(container, container.IsPaused ? "pause" : "unpause");
    }

    /// <summary>Disconnected from its network it has no address, and publishes nothing.</summary>
    public void ToggleNetwork(int slot)
    {
        if (slots[slot] is not { IsRunning: true, NetworkOwner: null } container)
            return;
        if (container.Address is null)
        {
            Connect(container);
            return;
        }

        container.Address = null;
        Tell("network", "bridge", "disconnect", "container", container.Id);
    }

    /// <summary>The HEALTHCHECK, where there is one, changes its mind.</summary>
    public void ChangeHealth(int slot)
    {
        if (slots[slot] is not { IsRunning: true, IsPaused: false, Health: { } before } container)
            return;
        container.Health = before == "healthy" ? "unhealthy" : "healthy";
        Tell(container, $"health_status: {container.Health}");
    }

    /// <summary>Those of other slots that ever said this id, too.</summary>
    public IReadOnlyList<SimulatedContainer> RivalsOf(SimulatedContainer container, string id) =>
        created.FindAll(other => other.Id[^1] != container.Id[^1] && other.Ids.Values.Contains(id));

    public static string NameOf(int slot) => $"c{slot}";

    /// <summary>Every third container names ids of its own, which clash, or look like others' checks; two slots' every other one names the same.</summary>
    private SimulatedContainer Create(int slot)
    {
        var namesIds = (created.Count + 1) % (slot is 2 or 3 ? 2 : 3) == 0;
        string[] beats = slot == 3 ? [Heartbeat] : [];
        string[] ids = !namesIds ? [] : slot == 0 ? ["SERVICE_80_ID=x", "SERVICE_81_ID=x:443", "SERVICE_443_ID=x"] : [$"SERVICE_ID={Own(slot)}"];
        created.Add(new SimulatedContainer
        {
            Id = $"{created.Count + 1:x63}{slot}",
            Name = NameOf(slot),
            Service = $"s{slot % 2}",
            Deployment = slot == 3 ? null : $"d{(created.Count + 1) % 2}",
            Env = [.. beats, .. ids],
            Ids = !namesIds ? new Dictionary<int, string>()
                : slot == 0 ? new Dictionary<int, string> { [80] = "x", [81] = "x:443", [443] = "x:443:443" }
                : new Dictionary<int, string> { [80] = Own(slot) },
            Health = slot == 1 ? "starting" : null,
            NetworkOwner = slot == Sharing ? slots[Shared]!.Id : null,
            CreatedAt = Clock,
        });
        return created[^1];
    }

    private static string Own(int slot) => slot switch { 1 => "c", Sharing => "healthcheck:c", _ => "c:healthcheck" };

    private SimulatedContainer? OwnerOf(SimulatedContainer container) => Running.FirstOrDefault(other => other.Id == container.NetworkOwner);

    /// <summary>Its network is connected on the way to its start.</summary>
    private void Connect(SimulatedContainer container)
    {
        container.Address = container.NetworkOwner is null ? $"172.17.0.{nextAddress++}" : null;
        Tell("network", "bridge", "connect", "container", container.Id);
    }

    private void Tell(SimulatedContainer container, string action, string attribute = "name", string value = "") =>
        Tell("container", container.Id, action, attribute, value);

    private void Tell(string type, string id, string action, string attribute, string value)
    {
        var message = new Message
        {
            Type = type,
            Action = action,
            Actor = new Actor { ID = id, Attributes = new Dictionary<string, string> { [attribute] = value } },
            TimeNano = NanosecondsOf(Tick()),
        };
        Undelivered.Add(message);
        History.Add(message);
    }

    public static long NanosecondsOf(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private DateTimeOffset Tick() => Clock += TimeSpan.FromMilliseconds(1);

    private Task<IList<ContainerListResponse>> ListAsync()
    {
        lock (gate)
        {
            if (ListFails)
                return Task.FromException<IList<ContainerListResponse>>(new HttpRequestException("no answer to the list"));
            IList<ContainerListResponse> answer = [.. Running.Select(container => container.Listed())];
            var overtaking = DuringList;
            DuringList = null;
            overtaking?.Invoke();
            return Task.FromResult(answer);
        }
    }

    /// <summary>Docker takes a name, or how an id begins, as well.</summary>
    private Task<ContainerInspectResponse> InspectAsync(string asked)
    {
        lock (gate)
        {
            var found = slots.FirstOrDefault(container => container?.Id == asked)
                ?? slots.FirstOrDefault(container => container?.Name == asked)
                ?? slots.FirstOrDefault(container => container?.Id.StartsWith(asked, StringComparison.Ordinal) is true);
            var slot = (found?.Id ?? asked)[^1] - '0';
            if (InspectFails.Contains(slot))
                return Task.FromException<ContainerInspectResponse>(new HttpRequestException("no answer to the inspection"));
            var answer = found?.Inspected();
            if (DuringInspect.Remove(slot, out var overtaking))
                overtaking();
            return answer is null
                ? Task.FromException<ContainerInspectResponse>(new DockerContainerNotFoundException(HttpStatusCode.NotFound, "gone"))
                : Task.FromResult(answer);
        }
    }
}
