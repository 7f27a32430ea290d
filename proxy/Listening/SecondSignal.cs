using System.Runtime.InteropServices;

namespace ServiceMesh.Proxy.Listening;

/// <summary>The first SIGTERM or SIGINT begins a graceful stop; whoever sends a second one has no more patience.</summary>
internal sealed class SecondSignal : IDisposable
{
    private readonly PosixSignalRegistration[] registrations;
    private int signals;

    public SecondSignal() => registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Count(exitCode: 130)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Count(exitCode: 143)),
    ];

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    private void Count(int exitCode)
    {
        if (Interlocked.Increment(ref signals) == 2)
            Environment.Exit(exitCode);
    }
}
