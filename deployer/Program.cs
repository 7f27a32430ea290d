using System.Runtime.InteropServices;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Output;

// The first Ctrl+C or SIGTERM is answered by undoing what is not finished; a second one ends the process at once.
var asked = 0;
using var interruption = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
// A terminal that closes is told of by its shell and by the kernel, so a second one is nobody's impatience.
using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Undo);

// By then nobody reads what is told, and the undoing must not end by that.
var (output, error) = (new BestEffortWriter(Console.Out), new BestEffortWriter(Console.Error));
// For what finds the console by itself.
Console.SetOut(output);
return await CommandLine.InvokeAsync(args, output, error, interruption.Token);

void Interrupt(PosixSignalContext signal)
{
    if (Interlocked.Increment(ref asked) == 1)
        Undo(signal);
}

void Undo(PosixSignalContext signal)
{
    signal.Cancel = true;
    interruption.Cancel();
}
