using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using NSubstitute;
using ServiceMesh.Proxy.Traffic.Retries;
using Xunit;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class RetryTests
{
    /// <summary>Failures as .NET tells of them, and whether the request was still unsent.</summary>
    public static TheoryData<string, ForwarderError, Exception?, bool> Failures => new()
    {
        { "refused", ForwarderError.Request, new HttpRequestException(HttpRequestError.ConnectionError), true },
        { "no such host", ForwarderError.Request, new HttpRequestException(HttpRequestError.NameResolutionError), true },
        { "bad certificate", ForwarderError.Request, new HttpRequestException(HttpRequestError.SecureConnectionError), true },
        { "connect timeout", ForwarderError.RequestTimedOut, new OperationCanceledException("", new TimeoutException()), true },
        { "answer ended early", ForwarderError.Request, new HttpRequestException(HttpRequestError.ResponseEnded), false },
        { "answer timeout", ForwarderError.RequestTimedOut, new OperationCanceledException(), false },
        { "client gone", ForwarderError.RequestCanceled, new OperationCanceledException(), false },
        { "body broken", ForwarderError.RequestBodyDestination, new HttpRequestException(HttpRequestError.ConnectionError), false },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void NeverSent_ByTheFailure(string name, ForwarderError error, Exception? reason, bool expected) =>
        Assert.True(RetryRule.NeverSent(error, reason) == expected, name);

    [Theory]
    [InlineData("GET", false, true)]
    [InlineData("HEAD", false, true)]
    [InlineData("DELETE", false, true)]
    [InlineData("PUT", false, true)]
    [InlineData("PUT", true, false)]
    [InlineData("GET", true, false)]
    [InlineData("POST", false, false)]
    [InlineData("PATCH", false, false)]
    public void IsRepeatable_AnIdempotentMethodWithoutABody(string method, bool body, bool expected)
    {
        var context = new DefaultHttpContext { Request = { Method = method } };
        var detection = Substitute.For<IHttpRequestBodyDetectionFeature>();
        detection.CanHaveBody.Returns(body);
        context.Features.Set(detection);

        Assert.Equal(expected, RetryRule.IsRepeatable(context));
    }

    [Theory]
    [InlineData(500, false)]
    [InlineData(502, true)]
    [InlineData(503, true)]
    [InlineData(504, true)]
    [InlineData(429, false)]
    public void IsFailure_OnlyWhatAnotherInstanceMayDoBetter(int status, bool expected) => Assert.Equal(expected, RetryRule.IsFailure(status));

    [Fact]
    public void Budget_WithoutRequests_AllowsAFew()
    {
        var budget = new RetryBudget();

        Assert.Equal(10, Enumerable.Range(0, 50).Count(_ => budget.TryWithdraw()));
    }

    [Fact]
    public void Budget_UnderLoad_AllowsItsShare()
    {
        var budget = new RetryBudget();
        while (budget.TryWithdraw())
        {
        }

        var retries = 0;
        for (var request = 0; request < 1000; request++)
        {
            budget.Deposit(0.2);
            retries += budget.TryWithdraw() ? 1 : 0;
        }

        Assert.Equal(200, retries);
    }

    [Fact]
    public void Budget_AfterALongQuiet_IsBounded()
    {
        var budget = new RetryBudget();
        for (var request = 0; request < 100_000; request++)
            budget.Deposit(1);

        Assert.Equal(100, Enumerable.Range(0, 1000).Count(_ => budget.TryWithdraw()));
    }
}
