using CsCheck;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>One thing that happens to the node, and its name in the account of a failed run.</summary>
internal sealed record Step(string Text, Func<SimulatedNode, Task> DoAsync)
{
    /// <summary>One of the slots.</summary>
    public static readonly Gen<int> Slot = Gen.Int[0, SimulatedDocker.Slots - 1];
    private static readonly Gen<string> Service = OneOf("s0-80", "s0-81", "s0-443", "s0", "s1");
    private static readonly Gen<string?> Deployment = OneOf<string?>("d0", "d1", null);

    // Docker finds something by most of them.
    private static readonly Gen<string> OddContainer = OneOf("c0", "c1", "c3-renamed", "00", new string('0', 62), "../version", "");

    private const string InVain = "signal in vain";

    /// <summary>Something that a container does, or a person to it.</summary>
    private static readonly Gen<(string Text, Action<SimulatedDocker> Do)> Change = Gen.Select(
        Slot,
        Gen.Frequency(
            (4, Gen.Const<(string, Action<SimulatedDocker, int>)>(("start", (docker, slot) => docker.Start(slot)))),
            (3, Gen.Const<(string, Action<SimulatedDocker, int>)>(("die", (docker, slot) => docker.Die(slot)))),
            (1, Gen.Const<(string, Action<SimulatedDocker, int>)>(("killed", (docker, slot) => docker.Die(slot, 137)))),
            (2, Gen.Const<(string, Action<SimulatedDocker, int>)>(("fail", (docker, slot) => docker.Die(slot, 1)))),
            (1, Gen.Const<(string, Action<SimulatedDocker, int>)>(("stop", (docker, slot) => docker.Signal(slot, obeyed: true)))),
            (1, Gen.Const<(string, Action<SimulatedDocker, int>)>((InVain, (docker, slot) => docker.Signal(slot, obeyed: false)))),
            (2, Gen.Const<(string, Action<SimulatedDocker, int>)>(("restart", (docker, slot) => docker.Restart(slot)))),
            (2, Gen.Const<(string, Action<SimulatedDocker, int>)>(("remove", (docker, slot) => docker.Remove(slot)))),
            (2, Gen.Const<(string, Action<SimulatedDocker, int>)>(("rename", (docker, slot) => docker.Rename(slot)))),
            (1, Gen.Const<(string, Action<SimulatedDocker, int>)>(("pause or unpause", (docker, slot) => docker.TogglePause(slot)))),
            (1, Gen.Const<(string, Action<SimulatedDocker, int>)>(("network disconnected or connected", (docker, slot) => docker.ToggleNetwork(slot)))),
            (2, Gen.Const<(string, Action<SimulatedDocker, int>)>(("health changes", (docker, slot) => docker.ChangeHealth(slot))))),
        (slot, change) => ($"{change.Item1} {slot}", (Action<SimulatedDocker>)(docker => change.Item2(docker, slot))));

    private static readonly Gen<Step> Changes = Change.Select(change => Plain(change.Text, node => change.Do(node.Docker)));

    private static readonly Gen<Step> Deliveries = Gen.Frequency(
        (4, Gen.Select(Gen.Int[0, 9], Gen.Bool, (which, twice) => Deliver(which, again: twice))),
        (1, Gen.Const(Plain("deliver all, newest first", node => node.DeliverAll()))));

    private static readonly Gen<Step> Passes = Gen.Frequency(
        (3, Gen.Const(new Step("pass", node => node.PassAsync()))),
        (1, Gen.Int[1, 7].Select(seconds => new Step($"{seconds} s pass", node => node.AdvanceAsync(TimeSpan.FromSeconds(seconds))))));

    private static readonly Gen<Step> Races = Gen.Select(Change, Slot, Gen.Bool, (change, slot, list) => list
        ? Plain($"during the next list: {change.Text}", node => node.Docker.DuringList = () => change.Do(node.Docker))
        : Plain($"during the next inspection of {slot}: {change.Text}", node => node.Docker.DuringInspect[slot] = () => change.Do(node.Docker)));

    private static readonly Gen<Step> Failures = Gen.OneOf(
        Gen.Bool.Select(fails => Plain($"lists fail: {fails}", node => node.Docker.ListFails = fails)),
        Gen.Bool.Select(fails => Plain($"agent reads fail: {fails}", node => node.Consul.ReadFails = fails)),
        Slot.Select(slot => Plain($"inspections of {slot} fail", node => node.Docker.InspectFails.Add(slot))),
        Gen.Const(Plain("inspections work", node => node.Docker.InspectFails.Clear())),
        Gen.Select(
            Gen.Int[0, SimulatedConsul.Groups - 1],
            OneOf(WriteOutcome.Done, WriteOutcome.Refused, WriteOutcome.Lost, WriteOutcome.Unanswered),
            (group, outcome) => Plain($"writes of group {group}: {outcome}", node => node.Consul.Writes[group] = outcome)));

    private static readonly Gen<Step> Documents = Gen.Frequency(
        (4, Gen.Select(Service, Deployment, Deployment, (service, active, retired) =>
            new Step($"document of {service}: {active}, before {retired}", node => node.PutDocumentAsync(service, active, retired)))),
        (1, Service.Select(service => new Step($"no document of {service}", node => node.DeleteDocumentAsync(service)))),
        (1, Service.Select(service => new Step($"damaged document of {service}", node => node.DamageDocumentAsync(service)))));

    // Only a resync can notice these.
    private static readonly Gen<Step> Hidden = Gen.Frequency(
        (6, Gen.Int[0, 9].Select(which => Deliver(which, again: false, deliver: false))),
        (1, Gen.Const(Plain("the agent loses its data", node => node.Consul.LoseEverything()))),
        (2, Gen.Select(Gen.Int[0, 9], OneOf(Enum.GetValues<Tampering>()), (which, how) => Plain($"tampering with {which}: {how}", node => node.Consul.Tamper(which, how)))),
        (1, Gen.Int[0, SimulatedConsul.Groups - 1].Select(group => Plain($"writes of group {group} come late", node => node.Consul.Writes[group] = WriteOutcome.Late))),
        (1, Gen.Const(Plain("late writes arrive", node => node.Consul.LateWritesArrive()))),
        (1, Gen.Int[0, 3].Select(number => Plain($"stranger {number} comes", node => node.Consul.RegisterStranger($"stranger-{number}", Marks(number))))),
        (1, OddContainer.Select(text => Plain($"the container of a stale one is '{text}'", node => node.Consul.RegisterStale("odd", Marks(SimulatedNode.Host, "mesh", text))))),
        (2, Gen.Select(Slot, Gen.Int[0, 3], (slot, kind) => Plain($"stranger {kind} takes the id of {slot}", node => node.Consul.RegisterStranger(IdOf(slot), Marks(kind))))),
        (1, Slot.Select(slot => Plain($"the stranger under the id of {slot} leaves", node => node.Consul.StrangerLeaves(IdOf(slot))))));

    private static readonly Gen<Step> Reconnections = Gen.OneOf(
        Gen.Const(Plain("reconnected", node => node.Connect())), Gen.Const(new Step("the sidecar restarts", node => node.RestartAsync())));

    private static readonly Gen<Step> Clocks = OneOf(-7200, -1, 7200).Select(seconds => Plain($"the clock is set by {seconds} s", node => node.TurnClock(TimeSpan.FromSeconds(seconds))));

    /// <summary>Everything that may happen.</summary>
    public static Gen<Step> Any { get; } = Gen.Frequency(
        (9, Changes), (8, Deliveries), (8, Passes), (2, Races), (3, Failures), (2, Documents), (4, Hidden), (1, Reconnections), (1, Clocks));

    /// <summary>What the sidecar has to notice by itself, without a resync: each event arrives at some time, in some order.</summary>
    public static Gen<Step> Told { get; } = Gen.Frequency(
        (9, Changes), (8, Deliveries), (8, Passes), (2, Races), (3, Failures), (2, Documents), (1, Reconnections), (1, Clocks));

    /// <summary>What a container does after which there is no doubt how it ended.</summary>
    public static Gen<Step> Plainly { get; } = Changes.Where(step => !step.Text.StartsWith(InVain, StringComparison.Ordinal));

    public static string IdOf(int slot) => $"{SimulatedNode.Host}:{SimulatedDocker.NameOf(slot)}:80";

    /// <summary>Marks that are almost this sidecar's.</summary>
    public static Dictionary<string, string> Marks(int kind) => kind switch
    {
        0 => [],
        1 => Marks("h2", "mesh"),
        2 => Marks(SimulatedNode.Host, "another-mesh"),
        _ => new() { [InstanceMeta.Owner] = SimulatedNode.Host },
    };

    public static Dictionary<string, string> Marks(string owner, string mesh, string? container = null) =>
        new() { [InstanceMeta.Owner] = owner, [InstanceMeta.Environment] = mesh, [InstanceMeta.Container] = container ?? new string('9', 64) };

    public override string ToString() => Text;

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    private static Step Plain(string text, Action<SimulatedNode> act) => new(text, node =>
    {
        act(node);
        return Task.CompletedTask;
    });

    private static Step Deliver(int which, bool again, bool deliver = true) =>
        Plain($"{(deliver ? "deliver" : "lose")} {which}{(again ? ", to come again" : "")}", node =>
        {
            if (node.Docker.Undelivered.Count == 0)
                return;
            var message = node.Docker.Undelivered[which % node.Docker.Undelivered.Count];
            if (deliver)
                node.Deliver(message);
            if (!again)
                node.Docker.Undelivered.Remove(message);
        });
}
