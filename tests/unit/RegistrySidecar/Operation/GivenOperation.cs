using System.Diagnostics.Metrics;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Metrics that nobody else writes to.</summary>
internal static class GivenOperation
{
    public static SidecarMetrics Metrics(TimeProvider time, IMeterFactory? meters = null, SidecarStatus? status = null) =>
        new(meters ?? new Meters(), status ?? new SidecarStatus(new SidecarOptions(), time), time);

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
