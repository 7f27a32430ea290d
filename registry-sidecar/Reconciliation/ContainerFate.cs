using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

internal enum ContainerState
{
    /// <summary>Docker could not be asked.</summary>
    Unknown,
    Running,

    /// <summary>It does not run, as Docker's list shows; how it ended is not known.</summary>
    Ended,
    Exited,
    Absent,
}

/// <summary>What became of a container.</summary>
internal sealed record ContainerFate(ContainerState State, ContainerFacts? Container = null)
{
    /// <summary>Whether this run of it got a signal that ends it: how it ended is then no failure.</summary>
    public bool WasToldToEnd { get; init; }

    private const int Killed = 128 + 9;
    private const int Terminated = 128 + 15;

    /// <summary>Whether the registrations of this ended container go.</summary>
    public bool Allows(DeregisterPolicy policy) => policy switch
    {
        DeregisterPolicy.Never => false,
        DeregisterPolicy.OnSuccess => WasToldToEnd || Container is null or { AutoRemove: true } or { ExitCode: 0 or Killed or Terminated },
        _ => true,
    };
}
