using System.Diagnostics.Metrics;
using System.Net;
using Consul;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Operation;

public sealed class SidecarMetricsTests : IDisposable
{
    private const string Lag = "mesh_sidecar_event_lag_seconds";

    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly GivenOperation.Meters meters = new();
    private readonly MeterListener listener = new();
    private readonly Dictionary<string, double> values = new(StringComparer.Ordinal);
    private readonly List<double> lags = [];
    private readonly SidecarMetrics metrics;

    public SidecarMetricsTests()
    {
        metrics = GivenOperation.Metrics(time, meters, new SidecarStatus(new SidecarOptions(), time));
        listener.InstrumentPublished = (instrument, subscription) =>
        {
            if (meters.Made.Contains(instrument.Meter))
                subscription.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
    }

    [Fact]
    public async Task RegisteringAsync_AfterAnEvent_RecordsTheLagFromDockersTime()
    {
        metrics.Happened("c1", Nanoseconds(time.GetUtcNow() - TimeSpan.FromMilliseconds(40)));
        metrics.PassBegan();
        time.Advance(TimeSpan.FromMilliseconds(10));

        await metrics.RegisteringAsync("c1", Task.CompletedTask);

        Assert.Equal(0.05, Assert.Single(lags), precision: 6);
        Assert.Equal(1, Value("mesh_sidecar_registrations_written"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(5000)]
    public async Task RegisteringAsync_EventWithoutTimeOrFromTheFuture_CountsFromItsArrival(int? aheadMilliseconds)
    {
        metrics.Happened("c1", aheadMilliseconds is { } ahead ? Nanoseconds(time.GetUtcNow().AddMilliseconds(ahead)) : null);
        time.Advance(TimeSpan.FromSeconds(1));

        await metrics.RegisteringAsync("c1", Task.CompletedTask);

        Assert.Equal(1, Assert.Single(lags), precision: 6);
    }

    [Fact]
    public async Task DeregisteringAsync_WithoutAnEvent_RecordsNoLag()
    {
        await metrics.DeregisteringAsync("c1", Task.CompletedTask);

        Assert.Empty(lags);
        Assert.Equal(1, Value("mesh_sidecar_deregistrations_written"));
    }

    [Fact]
    public async Task RegisteringAsync_FailedAndRetriedLater_RecordsTheWholeLag()
    {
        metrics.Happened("c1", Nanoseconds(time.GetUtcNow()));
        Pass(metrics.PassBegan());
        metrics.Happened("c1", Nanoseconds(time.GetUtcNow()));
        var began = metrics.PassBegan();
        await Assert.ThrowsAsync<ConsulRequestException>(() => metrics.RegisteringAsync(
            "c1", Task.FromException(new ConsulRequestException("no", HttpStatusCode.TooManyRequests))));
        Pass(began);
        time.Advance(TimeSpan.FromSeconds(3));
        Pass(metrics.PassBegan());

        await metrics.RegisteringAsync("c1", Task.CompletedTask);

        Assert.Equal(3, Assert.Single(lags), precision: 6);
        Assert.Equal(1, Value("mesh_sidecar_failures{kind=consul_rate_limited}"));
        Assert.Equal(1, Value("mesh_sidecar_registrations_written"));
    }

    [Theory]
    [InlineData("c1", 1)]
    [InlineData("c2", 0)]
    public async Task RegisteringAsync_FailedAndMuchLaterRegistered_RecordsALagOnlyIfThatWasWantedAllTheTime(string wanted, int lagging)
    {
        metrics.Happened("c1", Nanoseconds(time.GetUtcNow()));
        var began = metrics.PassBegan();
        await Assert.ThrowsAsync<ConsulRequestException>(() => metrics.RegisteringAsync(
            "c1", Task.FromException(new ConsulRequestException("no", HttpStatusCode.TooManyRequests))));
        Pass(began);
        began = metrics.PassBegan();
        metrics.Wrote(new Dictionary<string, string> { ["Registering it"] = wanted }, new Dictionary<string, Exception?>());
        Pass(began);

        await metrics.RegisteringAsync("c1", Task.CompletedTask);

        Assert.Equal(lagging, lags.Count);
    }

    [Fact]
    public void Failures_NothingHappened_AllKindsAreThereWithZero()
    {
        Assert.Equal(0, Value("mesh_sidecar_failures{kind=docker}"));
        Assert.All(Enum.GetValues<ConsulFault>(), _ => Assert.Equal(9, values.Keys.Count(name => name.Contains("{kind=", StringComparison.Ordinal))));
    }

    [Fact]
    public void Gauges_AfterWhatHappened_TellTheState()
    {
        metrics.DockerConnected();
        metrics.AgentAnswered();
        Pass(metrics.PassBegan());
        Assert.Equal((1, 1, 2, 3), (Value("mesh_sidecar_docker_connected"), Value("mesh_sidecar_consul_connected"),
            Value("mesh_sidecar_containers"), Value("mesh_sidecar_registrations")));
        Assert.Equal(time.GetUtcNow().ToUnixTimeSeconds(), Value("mesh_sidecar_last_success_timestamp_seconds"));

        metrics.DockerLost();
        metrics.AgentFailed(new ConsulRequestException("no", ConsulFault.Timeout, inner: null));

        Assert.Equal((0, 0), (Value("mesh_sidecar_docker_connected"), Value("mesh_sidecar_consul_connected")));
        Assert.Equal((1, 1), (Value("mesh_sidecar_failures{kind=docker}"), Value("mesh_sidecar_failures{kind=consul_timeout}")));
    }

    public void Dispose()
    {
        listener.Dispose();
        meters.Dispose();
    }

    private static long Nanoseconds(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private void Pass(long began) => metrics.PassEnded(began, running: 2, held: 3, listed: true);

    private double Value(string name)
    {
        listener.RecordObservableInstruments();
        return values[name];
    }

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (instrument.Name == Lag)
            lags.Add(value);
        else
            values[tags is [var tag, ..] ? $"{instrument.Name}{{{tag.Key}={tag.Value}}}" : instrument.Name] = value;
    }
}
