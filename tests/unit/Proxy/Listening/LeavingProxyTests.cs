using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class LeavingProxyTests : IAsyncDisposable
{
    private readonly SnapshotHolder earlier = Serving(index: 7);
    private readonly SnapshotHolder next = Serving(index: 8);
    private readonly CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
    private readonly FakeTimeProvider time = new();
    private readonly LeavingProxy asking;
    private readonly LeavingProxy answering;
    private Task answers = Task.CompletedTask;

    public LeavingProxyTests() => (asking, answering) = (new LeavingProxy(next, TimeProvider.System), new LeavingProxy(earlier, TimeProvider.System));

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await answers.ContinueWith(_ => { }, TaskScheduler.Default);
        asking.Dispose();
        answering.Dispose();
        end.Dispose();
    }

    [Fact]
    public async Task Ask_WithoutAnEarlierProxy_IsNothing() => Assert.Null(await asking.AskAsync("demo", Ct));

    [Fact]
    public async Task Ask_BeforeItTookOver_WaitsForTheEarlierOne()
    {
        asking.Expect();
        var asked = asking.AskAsync("demo", Ct).AsTask();
        Assert.False(asked.IsCompleted);

        await ConnectAsync();

        Assert.NotNull(await asked);
    }

    [Fact]
    public async Task Ask_AfterItTookOver_TellsOfTheRequestsOfBoth()
    {
        earlier.Current.Services["demo"].Members[0].State.Enter();
        next.Current.Services["demo"].Members[0].State.Enter();
        asking.Expect();
        await ConnectAsync();

        var report = ServiceReport.Of(next.Current.Services["demo"], next.Current).With(await asking.AskAsync("demo", Ct));

        Assert.Equal((7UL, 2), (report.Index, Assert.Single(report.Instances).InFlight));
        Assert.Null(await asking.AskAsync("unknown", Ct));
    }

    [Fact]
    public async Task Ask_TheEarlierOneIsSilent_IsNotTakenForTheEnd()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var busy = await ConnectAsync(listener);
        using var patient = new LeavingProxy(next, time);
        patient.Expect();
        patient.Follow(busy.Asking);
        await SilentAsync(patient);
        await SilentAsync(patient);

        answers = AnswerAsync(busy.Answering);

        earlier.Current.Services["demo"].Members[0].State.Enter();
        Assert.Equal(1, Assert.Single((await patient.AskAsync("demo", Ct))!.Instances).InFlight);
        Assert.Null(await patient.AskAsync("unknown", Ct));
    }

    [Fact]
    public async Task Ask_HalfOfAnAnswerCameInTime_ReadsItToItsEnd()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var way = await ConnectAsync(listener);
        using var patient = new LeavingProxy(next, time);
        patient.Expect();
        patient.Follow(way.Asking);
        var asked = patient.AskAsync("demo", Ct).AsTask();
        await way.Answering.SendAsync("{\"Index\":"u8.ToArray(), Ct);
        // Taken in by whoever reads: nothing is left to be read.
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (way.Asking.Available > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, late.Token);
        time.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<TimeoutException>(() => asked);

        await way.Answering.SendAsync("5,\"Instances\":[]}\n{\"Index\":6,\"Instances\":[]}\n"u8.ToArray(), Ct);

        Assert.Equal(6UL, (await patient.AskAsync("demo", Ct))?.Index);
    }

    [Fact]
    public async Task Ask_TheEarlierOneFollowsOneStillEarlier_TellsOfAllThree()
    {
        var first = Serving(index: 6);
        first.Current.Services["demo"].Members[0].State.Enter();
        using var leftFirst = new LeavingProxy(first, TimeProvider.System);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var way = await ConnectAsync(listener);
        answering.Expect();
        answering.Follow(way.Asking);
        var firstAnswers = leftFirst.AnswerAsync(way.Answering, end.Token);
        earlier.Current.Services["demo"].Members[0].State.Enter();
        asking.Expect();
        await ConnectAsync();

        var report = await asking.AskAsync("demo", Ct);

        Assert.Equal((6UL, 2), (report!.Index, Assert.Single(report.Instances).InFlight));
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => firstAnswers);
    }

    [Fact]
    public async Task Ask_AfterTheEarlierOneEnded_IsNothing()
    {
        asking.Expect();
        await ConnectAsync();
        Assert.NotNull(await asking.AskAsync("demo", Ct));

        await end.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answers);
        Assert.Null(await asking.AskAsync("demo", Ct));
        Assert.Null(await asking.AskAsync("demo", Ct));
    }

    private async Task ConnectAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var way = await ConnectAsync(listener);
        answers = AnswerAsync(way.Answering);
        asking.Follow(way.Asking);
    }

    private static async Task<Way> ConnectAsync(TcpListener listener)
    {
        var follower = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await follower.ConnectAsync(listener.LocalEndpoint, Ct);
        return new Way(follower, await listener.AcceptSocketAsync(Ct));
    }

    private async Task SilentAsync(LeavingProxy patient)
    {
        var asked = patient.AskAsync("demo", Ct).AsTask();
        time.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<TimeoutException>(() => asked);
    }

    private async Task AnswerAsync(Socket socket)
    {
        using (socket)
            await answering.AnswerAsync(socket, end.Token);
    }

    private sealed record Way(Socket Asking, Socket Answering) : IDisposable
    {
        public void Dispose()
        {
            Asking.Dispose();
            Answering.Dispose();
        }
    }

    private static SnapshotHolder Serving(ulong index)
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        var document = ServiceDocument.Create("demo", []).Promote(new Release("one", "v1", "image", DateTimeOffset.UnixEpoch));
        IReadOnlyList<Instance> instances = [new("a", "node", "demo", "10.0.0.9", 1, "one", "v1", "passing")];
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(
            DocumentSet.Of([new StoredDocument("demo", document, index, Fault: null)]),
            new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal) { ["demo"] = instances },
            MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));
        return snapshots;
    }
}
