using System.Net;
using Consul;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class ConsulAtStartTests
{
    private readonly FakeTimeProvider time = new();
    private readonly IConsulClient consul = Substitute.For<IConsulClient>();

    [Theory]
    [InlineData(-1, 0, false)]
    [InlineData(0, 1, true)]
    [InlineData(3, 4, true)]
    public async Task AskAsync_NobodyAnswers_IsAskedAgainSoOften(int retries, int asked, bool givesUp)
    {
        consul.Agent.Self(Arg.Any<CancellationToken>()).ThrowsAsync(new ConsulRequestException("no", HttpStatusCode.InternalServerError));

        var asking = ConsulAtStart.AskAsync(consul, retries, time, TestContext.Current.CancellationToken);
        while (!asking.IsCompleted)
            time.Advance(Backoff.Longest);
        var error = await Record.ExceptionAsync(() => asking);

        Assert.Equal(givesUp, error is ConsulAwayException away && away.Message.Contains($"asked {asked} times", StringComparison.Ordinal));
        await consul.Agent.Received(asked).Self(Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task AnswersAsync_EndComesWithTheAnswer_IsObeyed()
    {
        using var end = new CancellationTokenSource();
        consul.Agent.Self(Arg.Any<CancellationToken>()).Returns(_ =>
        {
            end.Cancel();
            return new QueryResult<Dictionary<string, Dictionary<string, System.Text.Json.JsonElement>>> { Response = [] };
        });

        Assert.False(await ConsulAtStart.AnswersAsync(consul, 0, end.Token));
    }

    [Fact]
    public async Task AskAsync_AnswersAtLast_GoesOn()
    {
        consul.Agent.Self(Arg.Any<CancellationToken>()).Returns(
            _ => throw new ConsulRequestException("no", HttpStatusCode.InternalServerError),
            _ => new QueryResult<Dictionary<string, Dictionary<string, System.Text.Json.JsonElement>>> { Response = [] });

        var asking = ConsulAtStart.AskAsync(consul, 1, time, TestContext.Current.CancellationToken);
        while (!asking.IsCompleted)
            time.Advance(Backoff.Longest);

        await asking;
    }
}
