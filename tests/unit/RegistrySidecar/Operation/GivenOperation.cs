using System.Diagnostics.Metrics;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Metrics that nobody else writes to.</summary>
internal static class GivenOperation
{
    public static SidecarMetrics Metrics(TimeProvider time, IMeterFactory? meters = null, SidecarStatus? status = null) =>
        new(meters ?? new Meters(), status ?? new SidecarStatus(new SidecarOptions(), time), time);

    /// <summary>How many calls failed in this way.</summary>
    public static long Failures(Meters meters, string kind)
    {
        var count = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, subscription) =>
        {
            if (meters.Made.Contains(instrument.Meter) && instrument.Name == "mesh_sidecar_failures")
                subscription.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => count += kind.Equals(tags[0].Value) ? value : 0);
        listener.Start();
        listener.RecordObservableInstruments();
        return count;
    }

    internal sealed class Meters : IMeterFactory
    {
        private readonly List<Meter> made = [];

        public IReadOnlyList<Meter> Made => made;

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter(options);
            made.Add(meter);
            return meter;
        }

        public void Dispose() => made.ForEach(meter => meter.Dispose());
    }
}
