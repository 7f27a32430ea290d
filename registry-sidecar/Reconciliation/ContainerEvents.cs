using System.Globalization;
using Docker.DotNet.Models;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// Docker's events of containers and networks: what is done about each, and why. What the daemon is asked to send and what is
/// done when it comes both follow from this table. Nothing depends on an event: it only says where to look, and when.
/// </summary>
internal static class ContainerEvents
{
    public const string Container = "container";
    public const string Network = "network";

    /// <summary>Which signal a <c>kill</c> sent. Docker puts a container's labels over what it says itself, so one of this name hides it.</summary>
    public const string SignalAttribute = "signal";

    /// <summary>How the container of a <c>die</c> ended; see <see cref="SignalAttribute"/>.</summary>
    public const string ExitCodeAttribute = "exitCode";

    // Of a container that Docker only told to end, the exit code is not known yet; SIGTERM's goes by every policy but never.
    private const int Terminated = 128 + 15;

    public static IReadOnlyList<EventRow> All { get; } =
    [
        new(Container, "create", EventEffect.Ignored, "it does not run yet"),
        new(Container, "start", EventEffect.Started, "it runs: registered"),
        new(Container, "kill", EventEffect.PresumedDeadBySignal,
            "a signal that ends it takes it out before it dies; whoever lives on 5 minutes later is registered again"),
        new(Container, "die", EventEffect.PresumedDead, "it ended: deregistered as the policy says"),
        new(Container, "stop", EventEffect.Ignored, "kill and die came before it"),
        new(Container, "restart", EventEffect.Ignored, "kill, die and start came before it"),
        new(Container, "oom", EventEffect.Ignored, "a process in it was ended; if it was the main one, die follows"),
        new(Container, "pause", EventEffect.LookedAt, "it answers no more: maintenance"),
        new(Container, "unpause", EventEffect.LookedAt, "it answers again: maintenance ends"),
        new(Container, "health_status", EventEffect.LookedAt, "its HEALTHCHECK changed its mind"),
        new(Container, "rename", EventEffect.LookedAt, "its name is part of the id"),
        new(Container, "destroy", EventEffect.LookedAtAnyway, "with on-success, a failed one stays until it is removed"),
        new(Container, "update", EventEffect.Ignored, "limits and restart policy are no part of a registration"),
        new(Container, "exec_create", EventEffect.Ignored, "noise: a HEALTHCHECK makes three of them at each run"),
        new(Container, "exec_start", EventEffect.Ignored, "as exec_create"),
        new(Container, "exec_die", EventEffect.Ignored, "as exec_create"),
        new(Container, "exec_detach", EventEffect.Ignored, "as exec_create"),
        new(Container, "attach", EventEffect.Ignored, "somebody looks at its output"),
        new(Container, "detach", EventEffect.Ignored, "as attach"),
        new(Container, "resize", EventEffect.Ignored, "of a terminal"),
        new(Container, "top", EventEffect.Ignored, "somebody lists its processes"),
        new(Container, "copy", EventEffect.Ignored, "only files"),
        new(Container, "archive-path", EventEffect.Ignored, "as copy"),
        new(Container, "extract-to-dir", EventEffect.Ignored, "as copy"),
        new(Container, "export", EventEffect.Ignored, "as copy"),
        new(Container, "commit", EventEffect.Ignored, "makes an image of it; it goes on as it was"),
        new(Container, "checkpoint", EventEffect.Ignored, "if it ends with that, die follows"),
        new(Container, "prune", EventEffect.Ignored, "names no container; destroy came for each"),
        new(Network, "connect", EventEffect.LookedAtAhead, "with --internal its address may be another; one that does not run yet is about to start, and asked for ahead"),
        new(Network, "disconnect", EventEffect.LookedAt, "as connect; after die it says nothing new"),
        new(Network, "create", EventEffect.Ignored, "no container is in it yet"),
        new(Network, "destroy", EventEffect.Ignored, "no container is in it any more"),
        new(Network, "remove", EventEffect.Ignored, "as destroy"),
        new(Network, "update", EventEffect.Ignored, "addresses stay"),
        new(Network, "prune", EventEffect.Ignored, "as destroy"),
    ];

    /// <summary>What the daemon is asked to send. It compares beginnings where <c>health_status</c> is among the names.</summary>
    public static IDictionary<string, IDictionary<string, bool>> Filter { get; } = new Dictionary<string, IDictionary<string, bool>>(StringComparer.Ordinal)
    {
        ["type"] = Set(Followed.Select(row => row.Type)),
        ["event"] = Set(Followed.Select(row => row.Action)),
    };

    private static IEnumerable<EventRow> Followed => All.Where(row => row.Effect != EventEffect.Ignored);

    /// <returns>The container and what happened to it; <c>null</c> if that is to be ignored.</returns>
    public static (string Container, Happened Happened)? Read(Message message)
    {
        // Docker says "health_status: healthy".
        var action = message.Action.Split(':', 2)[0];
        var effect = All.FirstOrDefault(row => row.Type == message.Type && row.Action == action)?.Effect ?? EventEffect.Ignored;
        var container = message.Type == Network ? Attribute(message, "container") : message.Actor.ID;
        if (effect == EventEffect.Ignored || string.IsNullOrEmpty(container))
            return null;
        return (container, new Happened(effect, effect switch
        {
            EventEffect.PresumedDead => new Death(TimeOf(message), ExitCodeOf(message)),
            EventEffect.PresumedDeadBySignal => new Death(TimeOf(message), Terminated, Attribute(message, SignalAttribute) ?? ""),
            _ => null,
        })
        {
            Started = effect == EventEffect.Started ? TimeOf(message) : null,
        });
    }

    private static DateTimeOffset TimeOf(Message message) =>
        DateTimeOffset.UnixEpoch.AddTicks((message.TimeNano ?? 0) / TimeSpan.NanosecondsPerTick);

    private static long ExitCodeOf(Message message) =>
        long.TryParse(Attribute(message, ExitCodeAttribute), CultureInfo.InvariantCulture, out var exitCode) ? exitCode : Death.UnknownExitCode;

    private static string? Attribute(Message message, string name) =>
        message.Actor.Attributes?.TryGetValue(name, out var value) is true ? value : null;

    private static Dictionary<string, bool> Set(IEnumerable<string> names) =>
        names.Distinct(StringComparer.Ordinal).ToDictionary(name => name, _ => true, StringComparer.Ordinal);
}

/// <summary>One kind of event, what is done about it, and why.</summary>
internal sealed record EventRow(string Type, string Action, EventEffect Effect, string Why);
