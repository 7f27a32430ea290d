using Microsoft.AspNetCore.Http;
using ServiceMesh.Measures;
using ServiceMesh.Proxy.Metering;
using Xunit;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Tests.Unit.Proxy.Metering;

public sealed class MeterTests
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(3);

    [Fact]
    public void Answered_EachStatus_CountsInItsClass()
    {
        var meter = new Meter();
        foreach (var status in new[] { 101, 200, 204, 302, 404, 500, 503, 999 })
            meter.Answered(status, Moment);

        Assert.Equal([1, 2, 1, 1, 3], Enumerable.Range(1, Meter.Classes).Select(meter.Answers));
        Assert.Equal((8, 3), (meter.Requests, meter.Errors));
        Assert.Equal(8, meter.Durations.Counts[DurationScale.BucketOf(Moment)]);
        Assert.Equal(8 * Moment, meter.Durations.Sum);
    }

    [Fact]
    public void Failed_ByTheInstance_IsARequestAndAnError()
    {
        var meter = new Meter();
        meter.Failed(Failure.Connect, Moment);
        meter.Failed(Failure.Timeout, Moment);

        Assert.Equal((2, 2, 2), (meter.Requests, meter.Errors, meter.Durations.Counts.Sum()));
    }

    [Fact]
    public void Failed_ByTheClient_IsARequestButNoErrorAndNoDuration()
    {
        var meter = new Meter();
        meter.Failed(Failure.Client, Moment);

        Assert.Equal((1, 0, 0), (meter.Requests, meter.Errors, meter.Durations.Counts.Sum()));
    }

    [Fact]
    public void CutOff_AfterAnAnswer_IsAnErrorOfTheSameRequest()
    {
        var meter = new Meter();
        meter.Answered(200, Moment);
        meter.CutOff();

        Assert.Equal((1, 1), (meter.Requests, meter.Errors));
    }

    [Fact]
    public void Answered_ByManyAtOnce_LosesNone()
    {
        var meter = new Meter();
        Parallel.For(0, 100_000, n => meter.Answered(200, TimeSpan.FromMicroseconds(n)));

        Assert.Equal((100_000, 100_000), (meter.Requests, meter.Durations.Counts.Sum()));
    }

    [Fact]
    public void Answered_Always_TakesNoMemory()
    {
        var meter = new Meter();
        meter.Answered(200, Moment);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var n = 0; n < 1000; n++)
            meter.Answered(200, Moment);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(ForwarderError.None, false, false, null)]
    [InlineData(ForwarderError.Request, false, false, nameof(Failure.Broken))]
    [InlineData(ForwarderError.Request, false, true, nameof(Failure.Client))]
    [InlineData(ForwarderError.RequestTimedOut, false, false, nameof(Failure.Timeout))]
    [InlineData(ForwarderError.RequestBodyCanceled, false, false, nameof(Failure.Timeout))]
    [InlineData(ForwarderError.RequestBodyClient, false, false, nameof(Failure.Client))]
    [InlineData(ForwarderError.RequestBodyDestination, false, false, nameof(Failure.Broken))]
    [InlineData(ForwarderError.RequestBodyDestination, true, false, null)]
    [InlineData(ForwarderError.ResponseBodyDestination, true, false, nameof(Failure.CutOff))]
    [InlineData(ForwarderError.ResponseBodyCanceled, true, false, nameof(Failure.CutOff))]
    [InlineData(ForwarderError.ResponseBodyCanceled, true, true, null)]
    [InlineData(ForwarderError.ResponseBodyClient, true, false, null)]
    [InlineData(ForwarderError.UpgradeResponseClient, true, false, null)]
    [InlineData(ForwarderError.UpgradeActivityTimeout, true, false, null)]
    public void FailureOf_AnError_IsWhoseItWas(ForwarderError error, bool isAnswered, bool isClientGone, string? failure) =>
        Assert.Equal(failure, FailureRule.Of(error, reason: null, isAnswered, isClientGone)?.ToString());

    [Theory]
    [InlineData(ForwarderError.None, false, false, null, false)]
    [InlineData(ForwarderError.Request, false, true, null, true)]
    [InlineData(ForwarderError.ResponseBodyCanceled, true, true, "text/html", true)]
    [InlineData(ForwarderError.ResponseBodyDestination, false, true, "text/html", false)]
    [InlineData(ForwarderError.ResponseBodyDestination, false, true, "text/event-stream", false)]
    [InlineData(ForwarderError.ResponseBodyDestination, true, true, "application/json", false)]
    [InlineData(ForwarderError.ResponseBodyDestination, true, true, null, false)]
    [InlineData(ForwarderError.ResponseBodyDestination, true, true, "text/event-stream; charset=utf-8", true)]
    [InlineData(ForwarderError.ResponseBodyDestination, true, true, "application/grpc+proto", true)]
    [InlineData(ForwarderError.UpgradeResponseDestination, false, true, null, false)]
    [InlineData(ForwarderError.UpgradeResponseCanceled, true, true, null, true)]
    public void IsOver_AnError_IsByWhoeverEndedTheRequest(ForwarderError error, bool isSilence, bool isAborted, string? contentType, bool expected) =>
        Assert.Equal(expected, FailureRule.IsOver(
            error,
            isSilence ? new OperationCanceledException() : new IOException(),
            isAborted,
            new DefaultHttpContext { Response = { ContentType = contentType } }.Response));

    // An early refusal and a crash look alike from here.
    [Fact]
    public void FailureOf_ABodyThatIsNotTaken_IsCountedAndNotCharged_UnlessTheInstanceStandsStill()
    {
        var broken = new AggregateException(new IOException(), new HttpRequestException("", new IOException()));
        var silent = new AggregateException(new TaskCanceledException(), new HttpRequestException("", new TaskCanceledException()));

        Assert.Equal(Failure.Broken, FailureRule.Of(ForwarderError.RequestBodyDestination, broken, isAnswered: false, isClientGone: false));
        Assert.Null(FailureRule.Of(ForwarderError.RequestBodyDestination, broken, isAnswered: true, isClientGone: false));
        Assert.False(FailureRule.IsCharged(ForwarderError.RequestBodyDestination, broken));
        Assert.Equal(Failure.Timeout, FailureRule.Of(ForwarderError.RequestBodyDestination, silent, isAnswered: false, isClientGone: false));
        Assert.True(FailureRule.IsCharged(ForwarderError.RequestBodyDestination, silent));
        Assert.True(FailureRule.IsCharged(ForwarderError.Request, new IOException()));
    }

    // Nobody may put an instance out of the traffic, or have a release rejected, by what he asks for.
    [Fact]
    public void FailureOf_WhatTheInstanceCannotBeAskedFor_IsTheClients()
    {
        var noWebsocket = new HttpRequestException(HttpRequestError.ExtendedConnectNotSupported);

        Assert.Equal(Failure.Client, FailureRule.Of(ForwarderError.RequestCreation, new NotSupportedException(), isAnswered: false, isClientGone: false));
        Assert.Equal(Failure.Client, FailureRule.Of(ForwarderError.Request, noWebsocket, isAnswered: false, isClientGone: false));
    }

    [Fact]
    public void FailureOf_AConnectionThatWasNeverMade_IsConnect() => Assert.Equal(
        Failure.Connect,
        FailureRule.Of(ForwarderError.Request, new HttpRequestException(HttpRequestError.ConnectionError), isAnswered: false, isClientGone: false));
}
