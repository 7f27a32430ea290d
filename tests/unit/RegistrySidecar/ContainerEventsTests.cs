using Docker.DotNet.Models;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class ContainerEventsTests
{
    private const string Id = "the-container";

    // As Docker's documentation and its source list them.
    private static readonly string[] OfContainers =
    [
        "archive-path", "attach", "checkpoint", "commit", "copy", "create", "destroy", "detach", "die", "exec_create", "exec_detach", "exec_die",
        "exec_start", "export", "extract-to-dir", "health_status", "kill", "oom", "pause", "prune", "rename", "resize", "restart", "start", "stop",
        "top", "unpause", "update",
    ];

    private static readonly string[] OfNetworks = ["connect", "create", "destroy", "disconnect", "prune", "remove", "update"];

    [Fact]
    public void All_EveryEventThatThereIs_StandsThereOnceWithItsReason()
    {
        Assert.Equal(OfContainers, Actions(ContainerEvents.Container));
        Assert.Equal(OfNetworks, Actions(ContainerEvents.Network));
        Assert.All(ContainerEvents.All, row => Assert.NotEmpty(row.Why));
    }

    [Fact]
    public void All_TheReadmesTable_IsTheSame()
    {
        var rows = from line in Readme.Lines
                   where line.StartsWith("| container `", StringComparison.Ordinal) || line.StartsWith("| network `", StringComparison.Ordinal)
                   let cells = line.Trim('|', ' ').Split(" | ")
                   select (cells[0], cells[1] == "ignored", cells[2]);

        Assert.Equal(ContainerEvents.All.Select(row => ($"{row.Type} `{row.Action}`", row.Effect == EventEffect.Ignored, row.Why)), rows);
    }

    [Fact]
    public void Filter_Subscription_NamesWhatIsFollowedAndNothingElse()
    {
        Assert.Equal(["container", "network"], ContainerEvents.Filter["type"].Keys.Order(StringComparer.Ordinal));
        Assert.Equal(
            ["connect", "destroy", "die", "disconnect", "health_status", "kill", "pause", "rename", "start", "unpause"],
            ContainerEvents.Filter["event"].Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("start", nameof(EventEffect.Started))]
    [InlineData("destroy", nameof(EventEffect.LookedAtAnyway))]
    [InlineData("die", nameof(EventEffect.PresumedDead))]
    [InlineData("kill", nameof(EventEffect.PresumedDeadBySignal))]
    [InlineData("pause", nameof(EventEffect.LookedAt))]
    [InlineData("unpause", nameof(EventEffect.LookedAt))]
    [InlineData("rename", nameof(EventEffect.LookedAt))]
    [InlineData("health_status: unhealthy", nameof(EventEffect.LookedAt))]
    public void Read_FollowedEvent_HasItsEffect(string action, string effect)
    {
        var read = ContainerEvents.Read(Event(ContainerEvents.Container, action));

        Assert.Equal((Id, Enum.Parse<EventEffect>(effect)), (read!.Value.Container, read.Value.Happened.Effect));
    }

    public static TheoryData<string, string> IgnoredEvents =>
        [.. ContainerEvents.All.Where(row => row.Effect == EventEffect.Ignored).Select(row => (row.Type, row.Action)), ("container", "exec_die: x"), ("image", "start"), ("container", "new")];

    [Theory]
    [MemberData(nameof(IgnoredEvents))]
    public void Read_IgnoredEvent_IsNothing(string type, string action) => Assert.Null(ContainerEvents.Read(Event(type, action)));

    [Theory]
    [InlineData("connect", nameof(EventEffect.LookedAtAhead))]
    [InlineData("disconnect", nameof(EventEffect.LookedAt))]
    public void Read_NetworkEvent_IsAboutTheContainerInIt(string action, string effect)
    {
        var read = ContainerEvents.Read(Event(ContainerEvents.Network, action, ("container", "c1"), ("name", "bridge")));

        Assert.Equal(("c1", new Happened(Enum.Parse<EventEffect>(effect))), read);
        Assert.Null(ContainerEvents.Read(Event(ContainerEvents.Network, action)));
    }

    [Fact]
    public void Read_DieAndKill_TellTimeExitCodeAndSignal()
    {
        var at = DateTimeOffset.UnixEpoch.AddSeconds(7);

        Assert.Equal(new Death(at, 3), ContainerEvents.Read(Event(ContainerEvents.Container, "die", ("exitCode", "3")))!.Value.Happened.Death);
        Assert.Equal(new Death(at, -1), ContainerEvents.Read(Event(ContainerEvents.Container, "die"))!.Value.Happened.Death);
        Assert.Equal(new Death(at, 143, "15"), ContainerEvents.Read(Event(ContainerEvents.Container, "kill", ("signal", "15")))!.Value.Happened.Death);
    }

    [Theory]
    [InlineData("2", "", true)]
    [InlineData("SIGINT", "SIGQUIT", true)]
    [InlineData("3", "", false)]
    [InlineData("QUIT", "", false)]
    [InlineData("6", "", true)]
    [InlineData("abrt", "", true)]
    [InlineData("9", "", true)]
    [InlineData("15", "", true)]
    [InlineData("SIGTERM", "", true)]
    [InlineData("term", "SIGQUIT", true)]
    [InlineData("3", "SIGQUIT", true)]
    [InlineData("1", "", false)]
    [InlineData("10", "", false)]
    [InlineData("SIGUSR2", "", false)]
    [InlineData("28", "SIGTERM", false)]
    [InlineData("28", "SIGWINCH", true)]
    [InlineData("USR1", "10", true)]
    [InlineData("37", "SIGRTMIN+3", true)]
    [InlineData("62", "RTMAX-2", true)]
    [InlineData("37", "RTMIN", false)]
    [InlineData("37", "RTMINx", false)]
    [InlineData("", "", false)]
    [InlineData("-9", "", false)]
    public void SignalsEnd_Signal_IsKnownByNumberAndName(string signal, string stopSignal, bool ends) =>
        Assert.Equal(ends, Signals.End(signal, stopSignal));

    [Fact]
    public void Then_SeveralEvents_TheOneThatSaysMostStays()
    {
        var start = new Happened(EventEffect.Started);
        var again = new Happened(EventEffect.LookedAtAnyway);
        var look = new Happened(EventEffect.LookedAt);
        var ahead = new Happened(EventEffect.LookedAtAhead);
        var die = new Happened(EventEffect.PresumedDead, new Death(DateTimeOffset.UnixEpoch, 1));
        var terminate = Kill("15");
        var hangUp = Kill("1");

        Assert.Equal(die, die.Then(look));
        Assert.Equal(die, die.Then(terminate));
        Assert.Equal(again, die.Then(start));
        Assert.Equal(again, start.Then(look));
        Assert.Equal(again, start.Then(ahead));
        Assert.Equal(again, again.Then(look));
        Assert.Equal(die, die.Then(ahead));
        Assert.Equal(again, ahead.Then(start));
        Assert.Equal(again, start.Then(die).Then(ahead).Then(start));
        Assert.Equal(die, start.Then(die));
        Assert.Equal(After(hangUp, terminate), terminate.Then(hangUp));
        Assert.Equal(After(terminate, hangUp), hangUp.Then(terminate));
        Assert.Equal(After(hangUp, terminate), hangUp.Then(terminate).Then(hangUp));
        Assert.Equal(After(die, terminate), terminate.Then(die));
        Assert.Equal(After(die, terminate), terminate.Then(die).Then(die));
        Assert.Equal(again with { Death = terminate.Death }, start.Then(terminate));
        Assert.Equal(again with { Death = After(hangUp, terminate).Death }, again.Then(hangUp).Then(terminate).Then(hangUp).Then(look));
        Assert.Equal(again, start.Then(terminate).Then(start));
        Assert.Equal(After(die, terminate), start.Then(terminate).Then(die));
    }

    private static Happened After(Happened happened, Happened before) => happened with { Death = happened.Death! with { Before = before.Death } };

    private static Happened Kill(string signal) => new(EventEffect.PresumedDeadBySignal, new Death(DateTimeOffset.UnixEpoch, 143, signal));

    private static IEnumerable<string> Actions(string type) =>
        ContainerEvents.All.Where(row => row.Type == type).Select(row => row.Action).Order(StringComparer.Ordinal);

    private static Message Event(string type, string action, params (string Name, string Value)[] attributes) => new()
    {
        Type = type,
        Action = action,
        TimeNano = 7_000_000_000,
        Actor = new Actor { ID = Id, Attributes = attributes.ToDictionary(attribute => attribute.Name, attribute => attribute.Value) },
    };
}
