using System.Diagnostics.Metrics;
using Consul;

namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>What the sidecar tells of its work. The workers report each step here, in one line.</summary>
internal sealed class SidecarMetrics
{
    public const string MeterName = "ServiceMesh.RegistrySidecar";

    private const string Prefix = "mesh_sidecar_";
    private const string Docker = "docker";

    /// <summary>In seconds: from the least that a write takes to what only an outage explains.</summary>
    private static readonly double[] Buckets = [0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly SidecarStatus status;
    private readonly TimeProvider time;
    private readonly PendingEvents pending = new();
    private readonly Histogram<double> passes;
    private readonly Histogram<double> lag;
    private readonly Tally registered = new();
    private readonly Tally deregistered = new();

    /// <summary>All kinds from the start, so that a rate over one that never happened is 0 and not missing.</summary>
    private readonly Dictionary<string, Tally> failures =
        Enum.GetValues<ConsulFault>().Select(KindOf).Append(Docker).ToDictionary(kind => kind, _ => new Tally(), StringComparer.Ordinal);

    public SidecarMetrics(IMeterFactory meters, SidecarStatus status, TimeProvider time)
    {
        (this.status, this.time) = (status, time);
        var meter = meters.Create(MeterName);
        passes = Durations(meter, "reconcile_duration_seconds", "How long a pass over everything took.");
        lag = Durations(meter, "event_lag_seconds", "From Docker's event, by the event's own time, to the write in Consul that it led to.");
        Gauge(meter, "containers", "Running containers seen.", () => status.Containers);
        Gauge(meter, "registrations", "Registrations held at the Consul agent.", () => status.Registrations);
        Gauge(meter, "last_success_timestamp_seconds", "When everything was last compared, in Unix time.", () => status.LastSuccess);
        Gauge(meter, "docker_connected", "1 while Docker's events are followed, else 0.", () => status.DockerIsConnected ? 1 : 0);
        Gauge(meter, "consul_connected", "1 while the Consul agent answers, else 0.", () => status.AgentAnswers ? 1 : 0);
        Counter(meter, "registrations_written", "Registrations written to the Consul agent.", registered);
        Counter(meter, "deregistrations_written", "Registrations removed from the Consul agent.", deregistered);
        meter.CreateObservableCounter(
            Prefix + "failures",
            () => failures.Select(kind => new Measurement<long>(kind.Value.Count, KeyValuePair.Create("kind", (object?)kind.Key))),
            description: "Failed calls by kind: docker, or consul_ and how Consul failed.");
    }

    public void DockerConnected() => status.DockerIsConnected = true;

    /// <summary>The event stream broke, or could not be opened.</summary>
    public void DockerLost()
    {
        status.DockerIsConnected = false;
        DockerFailed();
    }

    public void DockerFailed()
    {
        failures[Docker].Add();
        status.Sign();
    }

    public void AgentAnswered() => status.AgentAnswers = true;

    public void AgentFailed(Exception error)
    {
        status.AgentAnswers = false;
        ConsulFailed(error);
        status.Sign();
    }

    /// <summary>A call to Consul failed.</summary>
    public void ConsulFailed(Exception error)
    {
        failures[KindOf(error is ConsulRequestException { Fault: var fault } ? fault : ConsulFault.Unreadable)].Add();
    }

    /// <summary>Nothing is written now; what happened to these containers leads to no write.</summary>
    public void Forget(Func<string, bool> gone) => pending.Forget(gone);

    /// <param name="container">The container that something happened to.</param>
    /// <param name="nanoseconds">When, by Docker's clock, since 1970.</param>
    public void Happened(string container, long? nanoseconds)
    {
        // The event's own time: the delay within Docker, and what a broken stream delivers late, belong to the lag. Docker
        // and its sidecar share the host's clock; where they do not, no lag is below zero.
        var now = time.GetUtcNow();
        var told = nanoseconds is { } since1970 ? DateTimeOffset.UnixEpoch.AddTicks(since1970 / TimeSpan.NanosecondsPerTick) : now;
        pending.Happened(container, told < now ? told : now);
    }

    /// <returns>When the pass began, for <see cref="PassEnded"/>.</returns>
    public long PassBegan()
    {
        status.Sign();
        pending.PassBegan();
        return time.GetTimestamp();
    }

    /// <summary>A pass came to its end; one that had to give up before does not call this.</summary>
    public void PassEnded(long began, int running, int held, bool listed, bool hasMore = false)
    {
        status.PassEnded(running, held, listed && !hasMore);
        pending.PassEnded(hasMore);
        passes.Record(time.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>A pass wrote what was due.</summary>
    /// <param name="wanted">All that there was to write: its container, by subject.</param>
    /// <param name="ended">How those ended that were written: the error, or <c>null</c> for none.</param>
    public void Wrote(IReadOnlyDictionary<string, string> wanted, IReadOnlyDictionary<string, Exception?> ended)
    {
        status.Wrote(wanted, ended);
        pending.Planned(wanted.Values);
    }

    /// <summary>The agent took what it was told of a check.</summary>
    public void Accepted() => status.Accepted();

    public Task RegisteringAsync(string container, Task write) => WritingAsync(container, write, registered);

    public Task DeregisteringAsync(string container, Task write) => WritingAsync(container, write, deregistered);

    private async Task WritingAsync(string container, Task write, Tally written)
    {
        try
        {
            await write;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            pending.Failed(container);
            ConsulFailed(error);
            status.Sign();
            throw;
        }

        written.Add();
        status.Sign();
        if (pending.Written(container) is { } since)
            lag.Record((time.GetUtcNow() - since).TotalSeconds);
    }

    private static string KindOf(ConsulFault fault) => "consul_" + fault switch
    {
        ConsulFault.RateLimited => "rate_limited",
        ConsulFault.TooLarge => "too_large",
        _ => fault.ToString().ToLowerInvariant(),
    };

    private static Histogram<double> Durations(Meter meter, string name, string description) => meter.CreateHistogram(
        Prefix + name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets });

    private static void Gauge(Meter meter, string name, string description, Func<double> value) =>
        meter.CreateObservableGauge(Prefix + name, value, description: description);

    private static void Counter(Meter meter, string name, string description, Tally tally) =>
        meter.CreateObservableCounter(Prefix + name, () => tally.Count, description: description);

    private sealed class Tally
    {
        private long count;

        public long Count => Interlocked.Read(ref count);

        public void Add() => Interlocked.Increment(ref count);
    }
}
