using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>One of two instances of the active release fails, each in its way.</summary>
public sealed class RetryTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private TrafficScene scene = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // The first in the alphabet gets every request, and so every failure is met.
    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        scene = started.Add(await TrafficScene.StartTogetherAsync(consul, "a", "b"));
        await RetriesAsync(RetryPolicy.Default);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task ARefusedConnection_AnyMethod_GoesToAnotherInstanceWithItsBody(string method)
    {
        await scene.Backend("a").DisposeAsync();

        for (var n = 0; n < 5; n++)
        {
            using var answer = await scene.SendAsync(new HttpMethod(method), "/", method == "POST" ? JsonContent.Create("body") : null);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.StartsWith("b ", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task AFailureAnswer_ToARepeatableRequest_IsAskedOfAnother(int status)
    {
        using var answer = await scene.GetAsync($"/status/{status}");

        // Both fail: the last one's answer is what the client sees.
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("b", await answer.Content.ReadAsStringAsync(Ct));
        Assert.Equal((1, 1), (scene.Backend("a").Asked, scene.Backend("b").Asked));
    }

    [Theory]
    [InlineData("GET", 500, false)]
    [InlineData("POST", 503, false)]
    [InlineData("PUT", 503, true)]
    public async Task WhatMayNotBeRepeated_IsAskedOnce(string method, int status, bool body)
    {
        using var answer = await scene.SendAsync(new HttpMethod(method), $"/status/{status}", body ? JsonContent.Create("body") : null);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("a", await answer.Content.ReadAsStringAsync(Ct));
        Assert.Equal((1, 0), (scene.Backend("a").Asked, scene.Backend("b").Asked));
    }

    [Fact]
    public async Task AnAnswerThatEndsEarly_ToARepeatableRequest_IsAskedOfAnother()
    {
        using var broken = new TcpListener(IPAddress.Loopback, 0);
        broken.Start();
        var closing = CloseEachAsync(broken);
        // Before "a" in the order of ids, and so the first.
        await scene.Service.AddInstanceAsync("0", ((IPEndPoint)broken.LocalEndpoint).Port, deployment: "all");
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").GetArrayLength() == 3);

        using var get = await scene.GetAsync();
        using var post = await scene.SendAsync(HttpMethod.Post, "/", JsonContent.Create("body"));

        Assert.Equal(HttpStatusCode.OK, get.StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, post.StatusCode);
        broken.Stop();
        await closing;
    }

    [Fact]
    public async Task NoAnswerWithinTheRoutesTimeout_ToARepeatableRequest_IsAskedOfAnother()
    {
        // Connections are made and requests sent, and nobody reads them: what a host looks like that was cut off from the network.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await scene.Service.AddInstanceAsync("0", ((IPEndPoint)silent.LocalEndpoint).Port, deployment: "all");
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").GetArrayLength() == 3);
        await scene.ChangeAsync(document => document with
        {
            Routes = [.. document.Routes.Select(route => route with { Timeout = TimeSpan.FromMilliseconds(300) })],
        });

        using var get = await scene.GetAsync();
        using var post = await scene.SendAsync(HttpMethod.Post, "/", JsonContent.Create("body"));

        Assert.Equal(HttpStatusCode.OK, get.StatusCode);
        Assert.Equal(HttpStatusCode.GatewayTimeout, post.StatusCode);
    }

    [Fact]
    public async Task NoConnectionWithinTheRoutesTimeout_AnyMethod_GoesToAnotherInstanceAndIsCounted()
    {
        // Its line of connections is full, and the next one is not even refused: what a host looks like that vanished.
        using var vanished = new TcpListener(IPAddress.Loopback, 0);
        vanished.Start(backlog: 1);
        var port = ((IPEndPoint)vanished.LocalEndpoint).Port;
        await scene.Service.AddInstanceAsync("0", port, deployment: "all");
        await scene.Proxy.UntilAsync(
            scene.Service.Name, account => account.GetProperty("instances").EnumerateArray().Count(instance => instance.GetProperty("inTraffic").GetBoolean()) == 3);
        await scene.ChangeAsync(document => document with
        {
            Routes = [.. document.Routes.Select(route => route with { Timeout = TimeSpan.FromSeconds(2) })],
        });
        await FillAsync(port);

        using var post = await scene.SendAsync(HttpMethod.Post, "/", JsonContent.Create("body"));

        Assert.Equal(HttpStatusCode.OK, post.StatusCode);
        Assert.StartsWith("a ", await post.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        Assert.Contains("reason=\"connect\"} 1", await scene.Proxy.Admin.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Retries_SwitchedOff_TheFailureIsTheAnswer()
    {
        await RetriesAsync(new RetryPolicy(Attempts: 0));
        await scene.Backend("a").DisposeAsync();

        using var answer = await scene.GetAsync();

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
    }

    [Fact]
    public async Task ManyFailures_ASpentBudget_AskNoMoreThanItsShare()
    {
        await RetriesAsync(new RetryPolicy(Attempts: 1, Budget: 0.1));

        for (var n = 0; n < 200; n++)
            using (await scene.GetAsync("/status/503"))
            {
            }

        // Ten are there at the start, and each of 200 requests pays in a tenth.
        Assert.Equal(200, scene.Backend("a").Asked);
        Assert.InRange(scene.Backend("b").Asked, 28, 31);
    }

    private Task RetriesAsync(RetryPolicy retries) => scene.ChangeAsync(document => document with
    {
        Traffic = new TrafficPolicy { Balance = Balance.First, Retries = retries },
    });

    /// <summary>Connects until no connection is taken any more.</summary>
    private async Task FillAsync(int port)
    {
        try
        {
            while (true)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                started.Add(socket.Dispose);
                await socket.ConnectAsync(IPAddress.Loopback, port, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(2), Ct);
            }
        }
        catch (TimeoutException)
        {
            // The last one waits in vain.
        }
    }

    private static async Task CloseEachAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using var connection = await listener.AcceptTcpClientAsync(Ct);
                var buffer = new byte[4096];
                _ = await connection.GetStream().ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false, Ct);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or IOException or InvalidOperationException)
        {
            // The listener was stopped, perhaps between two connections.
        }
    }
}
