using Microsoft.Extensions.Time.Testing;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class RetryLedgerTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void Failed_OneSubject_DelaysNoOther()
    {
        var retries = new RetryLedger(time);

        retries.Failed("a", "x");

        Assert.False(retries.IsDue("a"));
        Assert.True(retries.IsDue("b"));
    }

    [Fact]
    public void Failed_AgainAndAgain_IsTriedForEverAtLeastEvery5Seconds()
    {
        var retries = new RetryLedger(time);
        for (var i = 0; i < 2000; i++)
        {
            retries.Failed("a", "x");
            Assert.False(retries.IsDue("a"));
            time.Advance(Backoff.Longest);
            Assert.True(retries.IsDue("a"));
        }
    }

    [Fact]
    public void Failed_SameReason_IsNewsOnce()
    {
        var retries = new RetryLedger(time);

        Assert.Equal([true, false, true], [retries.Failed("a", "x"), retries.Failed("a", "x"), retries.Failed("a", "y")]);
    }

    [Fact]
    public void Succeeded_AfterFailure_ForgetsIt()
    {
        var retries = new RetryLedger(time);
        retries.Failed("a", "x");

        Assert.True(retries.Succeeded("a"));
        Assert.Null(retries.NextDue);
    }

    [Fact]
    public void Clear_WhatFailedAndWhatWasPutOff_OnlyTheLatterWaits()
    {
        var retries = new RetryLedger(time);
        retries.Failed("failed", "x");
        retries.Postpone("put off", TimeSpan.FromMinutes(5));

        retries.Clear();

        Assert.Equal((true, false), (retries.IsDue("failed"), retries.IsDue("put off")));
    }

    [Theory]
    [InlineData(1, 0, 50)]
    [InlineData(1, 1, 100)]
    [InlineData(4, 1, 800)]
    [InlineData(7, 1, 5000)]
    [InlineData(int.MaxValue, 0, 2500)]
    public void Delay_Failures_DoublesUpTo5Seconds(int failures, double jitter, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Backoff.Delay(failures, jitter));
}
