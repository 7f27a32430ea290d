using System.Net;
using System.Net.Sockets;
using ServiceMesh.Policy;
using ServiceMesh.Tests.Integration.Proxy.Conformance;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>How often a request reaches an instance that takes it and hangs up without an answer.</summary>
public sealed class OnceTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly List<string> taken = [];
    private TrafficScene scene = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        scene = started.Add(await TrafficScene.StartTogetherAsync(consul, "a"));
        await scene.ChangeAsync(document => document with { Traffic = new TrafficPolicy { Balance = Balance.First } });
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Theory]
    [InlineData("POST", "")]
    [InlineData("PATCH", "")]
    [InlineData("POST", "Content-Length: 0\r\n")]
    public async Task WhatMayNotBeRepeated_WithoutABody_IsTakenOnce(string method, string header)
    {
        await FirstAsync(RawInstance.Start(Take));

        Assert.Equal(502, await AskAsync(method, header));

        var head = Assert.Single(taken);
        Assert.Single(head.Split("\r\n"), line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        Assert.Contains("\r\nContent-Length: 0\r\n", head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Content-Type", head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task WhatMayNotBeRepeated_OverAConnectionThatWasIdle_IsTakenOnce()
    {
        await FirstAsync(RawInstance.Start(async request =>
        {
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            if (await request.ReadHeadAsync())
                await Take(request);
        }));
        Assert.Equal(200, await AskAsync("GET"));

        Assert.Equal(502, await AskAsync("POST"));

        Assert.StartsWith("POST ", Assert.Single(taken), StringComparison.Ordinal);
    }

    // What comes after it would meet a port that is closed: that says nothing of the request that was taken.
    [Fact]
    public async Task WhatMayNotBeRepeated_TakenByAnInstanceThatCrashes_GoesToNoOther()
    {
        using var crashing = new TcpListener(IPAddress.Loopback, 0);
        crashing.Start();
        var crash = CrashAsync(crashing);
        await FirstAsync(((IPEndPoint)crashing.LocalEndpoint).Port);

        Assert.Equal(502, await AskAsync("POST"));

        await crash;
    }

    [Fact]
    public async Task WhatMayBeRepeated_OverANewConnection_IsTakenOnceByEachInstance()
    {
        await FirstAsync(RawInstance.Start(Take));

        Assert.Equal(200, await AskAsync("GET"));

        Assert.DoesNotContain("Content-Length", Assert.Single(taken), StringComparison.OrdinalIgnoreCase);
    }

    private Task Take(RawRequest request)
    {
        lock (taken)
            taken.Add(request.Head);
        return Task.CompletedTask;
    }

    private static async Task CrashAsync(TcpListener listener)
    {
        var read = 0;
        while (read == 0)
        {
            // The proxy's probe says nothing.
            using var connection = await listener.AcceptTcpClientAsync(Ct);
            read = await connection.GetStream().ReadAsync(new byte[4096], Ct);
            if (read > 0)
                listener.Stop();
        }
    }

    private Task FirstAsync(RawInstance instance) => FirstAsync(started.Add(instance).Port);

    // Before "a" in the order of ids, and so the first.
    private async Task FirstAsync(int port)
    {
        await scene.Service.AddInstanceAsync("0", port, deployment: "all");
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").GetArrayLength() == 2
            && account.GetProperty("instances").EnumerateArray().All(one => one.GetProperty("inTraffic").GetBoolean()));
    }

    private async Task<int> AskAsync(string method, string header = "")
    {
        await using var raw = await RawConnection.OpenAsync(scene.Proxy.Ports[0]);
        return (await raw.AskAsync($"{method} /{scene.Service.Name}/ HTTP/1.1\r\nHost: a\r\n{header}\r\n")).Status;
    }
}
