using ServiceMesh.RegistrySidecar.Operation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Operation;

public sealed class PendingEventsTests
{
    private static readonly DateTimeOffset First = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset Second = First.AddSeconds(1);

    private readonly PendingEvents events = new();

    [Fact]
    public void Happened_TwiceBeforeAPass_IsDueSinceTheFirst()
    {
        events.Happened("c", First);
        events.Happened("c", Second);

        Assert.Equal(First, events.Written("c"));
    }

    [Fact]
    public void Happened_AgainAfterAPassSawTheFirst_IsDueSinceTheSecond()
    {
        events.Happened("c", First);
        events.PassBegan();
        events.Happened("c", Second);

        Assert.Equal(Second, events.Written("c"));
    }

    [Fact]
    public void PassEnded_EventThatLedToNoWrite_IsForgotten()
    {
        events.Happened("c", First);
        events.PassBegan();
        events.PassEnded();

        Assert.Null(events.Written("c"));
        Assert.Equal(0, events.Count);
    }

    [Fact]
    public void PassEnded_NextPassGoesOnWithTheSame_EventIsKeptUntilItDoesNot()
    {
        events.Happened("c1", DateTimeOffset.UnixEpoch);
        events.PassBegan();
        events.PassEnded(hasMore: true);
        Assert.Equal(1, events.Count);

        events.PassBegan();
        events.PassEnded();
        Assert.Equal(0, events.Count);
    }

    [Fact]
    public void PassEnded_EventThatCameDuringThePass_IsKept()
    {
        events.PassBegan();
        events.Happened("c", First);
        events.PassEnded();

        Assert.Equal(First, events.Written("c"));
    }

    [Fact]
    public void PassBegan_TheLastPassGaveUp_TheEventIsStillDue()
    {
        events.Happened("c", First);
        events.PassBegan();
        events.PassBegan();

        Assert.Equal(First, events.Written("c"));
    }

    [Theory]
    [InlineData("c", 1)]
    [InlineData("another", 0)]
    public void Planned_WhatFailedBefore_IsDueForAsLongAsItIsWanted(string wanted, int due)
    {
        events.Happened("c", First);
        events.PassBegan();
        events.Planned([wanted]);
        events.Failed("c");
        events.PassEnded();
        events.PassBegan();
        events.Planned([wanted]);
        events.PassEnded();

        Assert.Equal(due, events.Count);
    }

    [Fact]
    public void Written_OneOfTwoPortsFailed_IsDueUntilTheOtherIsWritten()
    {
        events.Happened("c", First);
        events.PassBegan();
        events.Failed("c");
        events.Written("c");
        events.PassEnded();
        events.PassBegan();
        Assert.Equal(First, events.Written("c"));
        events.PassEnded();

        Assert.Equal(0, events.Count);
    }
}
