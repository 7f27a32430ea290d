using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Proxy.Traffic.Waiting;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class PatienceTests : IDisposable
{
    private static readonly Pause Paused = new(DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(30));

    private readonly SnapshotHolder snapshots = new(TrustedProxies.None);
    private readonly WaitingRoom room = new();
    private readonly FakeTimeProvider time = new();
    private readonly CancellationTokenSource client = new();
    private readonly ServiceModel service;
    private readonly DefaultHttpContext context;

    public PatienceTests()
    {
        service = DemoService.Publish(snapshots, DemoService.Document with { Pause = Paused }, index: 1);
        context = new DefaultHttpContext { RequestAborted = client.Token };
    }

    public void Dispose() => client.Dispose();

    [Fact]
    public void TryEnter_BeyondThePlaces_IsRefusedUntilSomebodyLeaves()
    {
        Fill();

        Assert.False(room.TryEnter());
        Assert.Equal(WaitingRoom.Places, room.Taken);
        room.Leave();
        Assert.True(room.TryEnter());
    }

    [Fact]
    public void TryEnter_ByManyAtOnce_IsAllowedToAsManyAsThereArePlaces()
    {
        var entered = 0;

        Parallel.For(0, WaitingRoom.Places * 2, _ =>
        {
            if (room.TryEnter())
                Interlocked.Increment(ref entered);
        });

        Assert.Equal((WaitingRoom.Places, WaitingRoom.Places), (entered, room.Taken));
    }

    /// <summary>What ends the wait, whether the request goes on then, and the status of its answer so far.</summary>
    public static TheoryData<string, bool, int> Ends => new()
    {
        { "resume", true, 200 },
        { "limit", false, 504 },
        { "client", false, 200 },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task Paused_AtItsEnd_LeavesItsPlace(string end, bool goesOn, int status)
    {
        var held = HoldAsync();
        Assert.Equal((1, 1), (room.Taken, service.State.Meter.Held));

        if (end == "resume")
            DemoService.Publish(snapshots, DemoService.Document, index: 2);
        else if (end == "limit")
            time.Advance(Paused.Limit!.Value);
        else
            await client.CancelAsync();

        Assert.Equal((goesOn, status), (await held, context.Response.StatusCode));
        Assert.Equal((0, 0), (room.Taken, service.State.Meter.Held));
    }

    [Fact]
    public async Task Paused_WithoutAPlace_Gets503AndTakesNone()
    {
        Fill();

        Assert.False(await HoldAsync());

        Assert.Equal((503, 1L), (context.Response.StatusCode, service.State.Meter.Refusals(Refusal.Paused)));
        Assert.Equal((WaitingRoom.Places, 0), (room.Taken, service.State.Meter.Held));
    }

    // Each of ten thousand would run, and wait anew.
    [Fact]
    public void Change_OfAnotherService_WakesNobody()
    {
        var (held, other) = (service.Stored, new StoredDocument("other", ServiceDocument.Create("other", []), 1, Fault: null));
        DemoService.Publish(snapshots, held, other);
        var (demo, woken) = (snapshots.ChangeAsync("demo"), snapshots.ChangeAsync("other"));

        DemoService.Publish(snapshots, held, other with { Index = 2 });
        Assert.Equal((false, true), (demo.IsCompleted, woken.IsCompleted));

        DemoService.Publish(snapshots, held with { Index = 2 }, other with { Index = 2 });
        Assert.True(demo.IsCompleted);
    }

    // Its requests may be another service's then.
    [Fact]
    public void Change_OfTheRoutes_WakesAll()
    {
        var demo = snapshots.ChangeAsync("demo");

        DemoService.Publish(snapshots, service.Stored, new StoredDocument("other", ServiceDocument.Create("other", []), 1, Fault: null));

        Assert.True(demo.IsCompleted);
    }

    private void Fill()
    {
        for (var place = 0; place < WaitingRoom.Places; place++)
            Assert.True(room.TryEnter());
    }

    private Task<bool> HoldAsync()
    {
        var handler = new TrafficHandler(null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, time, NullLogger<TrafficHandler>.Instance);
        return new Patience(snapshots, room, time).PausedAsync(new Exchange(context, handler), snapshots.Current, service, Paused).AsTask();
    }
}
