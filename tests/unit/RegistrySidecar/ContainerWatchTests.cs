using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Web;
using Docker.DotNet.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Tests.Unit.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class ContainerWatchTests
{
    private const long Second = 1_000_000_000;

    // 2026-01-31T12:00:00.5Z
    private const long Now = (1769860800 * Second) + (Second / 2);
    private const long Past = Now - (60 * Second);

    [Theory]
    [InlineData(null, Now - (300 * Second))]
    [InlineData(Now - 1, Now - 1)]
    [InlineData(Now - (60 * Second), Now - (60 * Second))]
    [InlineData(Now - (3600 * Second), Now - (300 * Second))]
    [InlineData(Now + (3600 * Second), Now - Second)]
    public void Since_AfterTheLastEvent_IsAsFarBackAsASignalMatters(long? next, long since) =>
        Assert.Equal(since, ContainerWatch.Since(next, "2026-01-31T12:00:00.500000000Z"));

    [Theory]
    [InlineData(null)]
    [InlineData(5L)]
    public void Since_DockerDoesNotTellItsTime_IsTheLastEvent(long? next) => Assert.Equal(next, ContainerWatch.Since(next, ""));

    [Theory]
    [InlineData(Now - (60 * Second), Now, 60)]
    [InlineData(Now, Now, 0)]
    [InlineData(Now + Second, Now, 0)]
    [InlineData(null, Now, 0)]
    [InlineData(Now, null, 0)]
    public void AgeOf_Event_IsThatBeforeTheSubscription(long? happened, long? subscribed, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), ContainerWatch.AgeOf(happened, subscribed));

    [Fact]
    public async Task Execute_FirstSubscription_TakesWhatHappenedBeforeWithItsAgeAndNoLag()
    {
        var time = new FakeTimeProvider();
        using var docker = Telling(Event("drains", "kill", Past), Event("starts", "start", Now + Second));
        using var meters = new GivenOperation.Meters();
        var options = new SidecarOptions { DockerHost = docker.Address("tcp") };
        var (queue, log) = (new WorkQueue(), new ToldLines<ContainerWatch>());
        var metrics = GivenOperation.Metrics(time, meters);
        using var watch = new ContainerWatch(options, queue, metrics, time, log);

        await watch.StartAsync(TestContext.Current.CancellationToken);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (GivenOperation.Failures(meters, "docker") == 0)
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);
        await watch.StopAsync(TestContext.Current.CancellationToken);

        var work = queue.Take();
        // What happened up to now, and then the stream, from a moment before that on.
        Assert.Equal(
            [("1769860500.500000000", "1769860800.500000000"), ("1769860799.500000000", null)],
            docker.Requests.Where(asked => asked.AbsolutePath.EndsWith("/events", StringComparison.Ordinal))
                .Select(asked => HttpUtility.ParseQueryString(asked.Query)).Select(query => (query["since"], query["until"])));
        Assert.Equal("the-node", work.Connection!.HostName);
        Assert.Equal(TimeSpan.FromMinutes(1), work.Containers["drains"].Death!.Age);
        Assert.Equal(EventEffect.Started, work.Containers["starts"].Effect);
        Assert.Equal((false, true), (await HasLagAsync(metrics, meters, "drains"), await HasLagAsync(metrics, meters, "starts")));
    }

    [Fact]
    public async Task Execute_FirstConnection_BringsTheSignalsOfBeforeWithIt()
    {
        // Whoever followed the stream alone would be connected before it told of any.
        using var docker = Telling(Event("drains", "kill", Past), null);
        using var meters = new GivenOperation.Meters();
        var (options, queue) = (new SidecarOptions { DockerHost = docker.Address("tcp") }, new WorkQueue());
        var time = new FakeTimeProvider();
        using var watch = new ContainerWatch(options, queue, GivenOperation.Metrics(time, meters), time, NullLogger<ContainerWatch>.Instance);

        await watch.StartAsync(TestContext.Current.CancellationToken);
        await queue.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, TestContext.Current.CancellationToken);
        var work = queue.Take();
        await watch.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal("the-node", work.Connection!.HostName);
        Assert.Equal(("15", TimeSpan.FromMinutes(1)), (work.Containers["drains"].Death!.Signal, work.Containers["drains"].Death!.Age));
    }

    [Fact]
    public async Task Execute_DockerDoesNotTellWhatHappenedBefore_IsConnectedAfterItsTime()
    {
        var time = new FakeTimeProvider();
        using var docker = Telling(null, null);
        using var meters = new GivenOperation.Meters();
        var (options, queue) = (new SidecarOptions { DockerHost = docker.Address("tcp") }, new WorkQueue());
        using var watch = new ContainerWatch(options, queue, GivenOperation.Metrics(time, meters), time, NullLogger<ContainerWatch>.Instance);

        await watch.StartAsync(TestContext.Current.CancellationToken);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (queue.Take().Connection is null)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);
            time.Advance(Inspections.Patience);
        }

        Assert.Equal(0, GivenOperation.Failures(meters, "docker"));
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>A Docker that tells this of before, and then this as it happens; <c>null</c> is silence.</summary>
    private static LocalServer Telling(string? before, string? stream)
    {
        var asked = 0;
        return new LocalServer(path => path switch
        {
            "/version" => """{"ApiVersion":"1.41"}""",
            "/v1.41/info" => """{"Name":"the-node","SystemTime":"2026-01-31T12:00:00.500000000Z"}""",
            _ => Interlocked.Increment(ref asked) == 1 ? before : stream,
        });
    }

    private static string Event(string id, string action, long nanoseconds) =>
        $$$"""{"Type":"container","Action":"{{{action}}}","Actor":{"ID":"{{{id}}}","Attributes":{"signal":"15"}},"timeNano":{{{nanoseconds}}}}""";

    /// <summary>Whether a write for the container is measured from an event.</summary>
    private static async Task<bool> HasLagAsync(SidecarMetrics metrics, GivenOperation.Meters meters, string container)
    {
        var measured = false;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, subscription) =>
        {
            if (meters.Made.Contains(instrument.Meter) && instrument.Name == "mesh_sidecar_event_lag_seconds")
                subscription.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => measured = true);
        listener.Start();
        await metrics.RegisteringAsync(container, Task.CompletedTask);
        return measured;
    }

    [Fact]
    public async Task Execute_NextConnectionTellsNothingOfItsHost_TheEarlierOneStaysInUse()
    {
        var time = new FakeTimeProvider();
        var told = 0;
        using var docker = new LocalServer(path => path switch
        {
            "/version" => """{"ApiVersion":"1.41"}""",
            "/v1.41/info" => Interlocked.Increment(ref told) == 1 ? """{"Name":"h1"}""" : "no JSON",
            "/v1.41/containers/json" => "[]",
            // The stream of events ends at once.
            _ => "",
        });
        using var meters = new GivenOperation.Meters();
        var options = new SidecarOptions { DockerHost = docker.Address("tcp") };
        var queue = new WorkQueue();
        using var watch = new ContainerWatch(options, queue, GivenOperation.Metrics(time, meters), time, NullLogger<ContainerWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (Volatile.Read(ref told) < 3)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);
            time.Advance(Backoff.Longest);
        }

        Assert.Empty(await queue.Take().Connection!.Client.Containers.ListContainersAsync(new ContainersListParameters(), late.Token));
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Execute_DockerIsAwayForLong_IsToldOnceAndWaitsEachTime()
    {
        var time = new NotedWaits();
        var log = new ToldLines<ContainerWatch>();
        using var meters = new GivenOperation.Meters();
        var options = new SidecarOptions { DockerHost = new Uri("unix:///no/such/docker.sock") };
        var status = new SidecarStatus(options, time);
        using var watch = new ContainerWatch(options, new WorkQueue(), GivenOperation.Metrics(time, meters, status), time, log);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (GivenOperation.Failures(meters, "docker") < 9)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);
            time.Advance(Backoff.Longest);
        }

        await watch.StopAsync(TestContext.Current.CancellationToken);
        Assert.Contains("Docker's socket does not exist", Assert.Single(log.Lines), StringComparison.Ordinal);
        var failures = (int)GivenOperation.Failures(meters, "docker");
        Assert.InRange(time.Waits.Count, failures - 1, failures);
        Assert.All(time.Waits, wait => Assert.InRange(wait, Backoff.First / 2, Backoff.Longest));
    }

    [Fact]
    public async Task Execute_EventsEndAtOnceAgainAndAgain_IsToldOnceUntilTheyStay()
    {
        var time = new NotedWaits();
        var log = new ToldLines<ContainerWatch>();
        var asked = 0;
        using var docker = new LocalServer(path => path switch
        {
            "/version" => """{"ApiVersion":"1.41"}""",
            "/v1.41/info" => """{"Name":"h1"}""",
            _ => Interlocked.Increment(ref asked) <= 5 ? "" : null,
        });
        using var meters = new GivenOperation.Meters();
        var options = new SidecarOptions { DockerHost = docker.Address("tcp") };
        using var watch = new ContainerWatch(options, new WorkQueue(), GivenOperation.Metrics(time, meters), time, log);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        // No time goes by while it is connected.
        await UntilAsync(() => Volatile.Read(ref asked) > 5, () => time.Waits.TryDequeue(out var wait) && wait <= Backoff.Longest ? wait : TimeSpan.Zero, time);
        Assert.Collection(
            log.Lines,
            line => Assert.StartsWith("Following the containers of h1", line, StringComparison.Ordinal),
            line => Assert.EndsWith("the event stream ended", line, StringComparison.Ordinal));

        await UntilAsync(() => log.Lines.Count > 2, () => TimeSpan.FromSeconds(10), time);
        Assert.StartsWith("Following the containers of h1", log.Lines.Last(), StringComparison.Ordinal);
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Lets so much time pass, again and again, until the condition holds.</summary>
    private static async Task UntilAsync(Func<bool> condition, Func<TimeSpan> passes, FakeTimeProvider time)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);
            time.Advance(passes());
        }
    }

    private sealed class NotedWaits : FakeTimeProvider
    {
        public ConcurrentQueue<TimeSpan> Waits { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits.Enqueue(dueTime);
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
