using System.Net;
using ServiceMesh.Tests.Integration.Proxy.Conformance;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>The loads by which others claim that no request failed: what fails is not hidden by them.</summary>
public sealed class RawLoadTests
{
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AskOn_ARequestThatIsTakenAndNotAnswered_IsAFailure()
    {
        await using var server = RawInstance.Start(async request =>
        {
            await request.SendAsync(Answer);
            await request.ReadHeadAsync();
        });

        Assert.Contains(RawLoad.NoAnswer, await AskForASecondAsync(server.Port));
    }

    [Fact]
    public async Task Start_ARequestThatIsTakenAndNotAnswered_IsAFailure()
    {
        await using var server = RawInstance.Start(async request =>
        {
            await request.SendAsync(Answer);
            await request.ReadHeadAsync();
        });
        await using var load = RawLoad.Start(server.Port, "/");

        await load.MoreAsync(1_000_000);

        Assert.NotEmpty(await load.StopAsync());
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Len")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n")]
    public async Task AskOn_AnAnswerThatIsCutOff_IsAFailure(string answer)
    {
        await using var server = RawInstance.Start(answer);

        Assert.Contains(RawLoad.CutOff, await AskForASecondAsync(server.Port));
    }

    [Fact]
    public async Task AskOn_AConnectionThatIsClosedByItsWord_IsFollowedByAnother()
    {
        var asked = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        await using var server = RawInstance.Start(async request =>
        {
            if (++asked == 3)
                await stop.CancelAsync();
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });

        var answers = await RawLoad.AskOnAsync(server.Port, "/", stop.Token).WaitAsync(TimeSpan.FromSeconds(20), Ct);

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.OK], answers);
    }

    private static async Task<List<HttpStatusCode>> AskForASecondAsync(int port)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        stop.CancelAfter(TimeSpan.FromSeconds(1));
        return await RawLoad.AskOnAsync(port, "/", stop.Token, TimeSpan.FromMilliseconds(20)).WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Ct);
    }
}
