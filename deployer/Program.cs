using System.Runtime.InteropServices;
using ServiceMesh.Deployer;

// The first Ctrl+C or SIGTERM is answered by undoing what is not finished; a second one ends the process at once.
using var interruption = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);

return await CommandLine.InvokeAsync(args, Console.Out, Console.Error, interruption.Token);

void Interrupt(PosixSignalContext signal)
{
    if (interruption.IsCancellationRequested)
        return;
    signal.Cancel = true;
    interruption.Cancel();
}
