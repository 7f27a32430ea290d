using System.Net;
using System.Net.Sockets;
using Consul;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class FailureTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Get_NobodyListens_NamesTheCallAndTheHost()
    {
        using var reserved = new TcpListener(IPAddress.Loopback, 0);
        reserved.Start();
        var address = new Uri($"http://{reserved.LocalEndpoint}");
        reserved.Stop();
        using var client = ConsulFixture.ClientOf(address);

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => client.KV.Get("mesh/a", Ct));

        Assert.Equal(ConsulFault.Unreachable, failure.Fault);
        Assert.Equal(0, (int)failure.StatusCode);
        Assert.True(failure.IsTransient);
        Assert.StartsWith(
            $"GET {address}v1/kv/mesh/a: Consul cannot be reached: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_NameThatDoesNotResolve_NamesTheCallAndTheHost()
    {
        using var client = ConsulFixture.ClientOf(new Uri("http://consul.invalid:8500"));

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => client.Status.Leader(Ct));

        Assert.Equal(ConsulFault.Unreachable, failure.Fault);
        Assert.Contains("GET http://consul.invalid:8500/v1/status/leader", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, ConsulFault.Rejected, false)]
    [InlineData(403, ConsulFault.Forbidden, false)]
    [InlineData(413, ConsulFault.TooLarge, false)]
    [InlineData(429, ConsulFault.RateLimited, true)]
    [InlineData(500, ConsulFault.Server, true)]
    [InlineData(503, ConsulFault.Server, true)]
    public async Task Get_Status_HasItsFaultAndConsulsReason(int status, ConsulFault fault, bool transient)
    {
        var failure = await FailureOf(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync("the reason", Ct);
        });

        Assert.Equal(fault, failure.Fault);
        Assert.Equal(status, (int)failure.StatusCode);
        Assert.Equal(transient, failure.IsTransient);
        Assert.Contains($"{status} ", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith(": the reason", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_404WithoutAnIndex_IsNoMissingKey()
    {
        var failure = await FailureOf(context =>
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        });

        Assert.Equal((ConsulFault.Rejected, 404), (failure.Fault, (int)failure.StatusCode));
    }

    [Fact]
    public async Task Get_Redirect_IsNotFollowed()
    {
        var failure = await FailureOf(context =>
        {
            context.Response.Redirect("/elsewhere");
            return Task.CompletedTask;
        });

        Assert.Equal(ConsulFault.Rejected, failure.Fault);
        Assert.Contains("redirected to /elsewhere", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("{}")]
    [InlineData("[{\"Key\":\"a\",\"Value\":\"not base64!\"}]")]
    [InlineData("[{\"Key\":\"a\"},")]
    public async Task Get_ContentThatIsNotConsuls_IsUnreadable(string content)
    {
        var failure = await FailureOf(context => context.Response.WriteAsync(content, Ct));

        Assert.Equal(ConsulFault.Unreadable, failure.Fault);
    }

    [Fact]
    public async Task Get_IndexThatIsNoNumber_IsUnreadable()
    {
        var failure = await FailureOf(context =>
        {
            context.Response.Headers["X-Consul-Index"] = "-1";
            return context.Response.WriteAsync("[]", Ct);
        });

        Assert.Equal(ConsulFault.Unreadable, failure.Fault);
        Assert.Contains("X-Consul-Index", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_ConnectionBreaksInTheContent_IsUnreachable()
    {
        var failure = await FailureOf(async context =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.WriteAsync("[{", Ct);
            await context.Response.Body.FlushAsync(Ct);
            context.Abort();
        });

        Assert.Equal(ConsulFault.Unreachable, failure.Fault);
    }

    [Fact]
    public async Task Get_NoAnswerInTime_IsATimeout()
    {
        var failure = await FailureOf(
            context => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted),
            config => config.RequestTimeout = TimeSpan.FromMilliseconds(200));

        Assert.Equal(ConsulFault.Timeout, failure.Fault);
        Assert.True(failure.IsTransient);
        Assert.EndsWith("/v1/kv/a: no answer within 0.2 s", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_AnswerAboveTheLimit_IsTooLarge()
    {
        var failure = await FailureOf(
            context => context.Response.WriteAsync($"[{new string(' ', 5000)}]", Ct),
            config => config.MaxResponseBytes = 4096);

        Assert.Equal(ConsulFault.TooLarge, failure.Fault);
        Assert.Contains("more than 4096 bytes", failure.Message, StringComparison.Ordinal);
    }

    private static async Task<ConsulRequestException> FailureOf(
        RequestDelegate answer, Action<ConsulClientConfiguration>? more = null)
    {
        await using var stub = await StubConsul.Start(answer, Ct);
        using var client = new Consul.ConsulClient(config =>
        {
            config.Address = stub.Address;
            more?.Invoke(config);
        });
        return await Assert.ThrowsAsync<ConsulRequestException>(() => client.KV.Get("a", Ct));
    }
}
