using System.Runtime.InteropServices;
using Consul;
using ServiceMesh.RegistrySidecar.Reconciliation;

namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>Asks for Consul before anything else, where the start is to fail without it. By default it is simply waited for.</summary>
internal static class ConsulAtStart
{
    /// <summary>Asks until it answers, or until SIGTERM or SIGINT, which the host obeys only once it runs.</summary>
    /// <returns>Whether it answered, or is not to be asked for.</returns>
    /// <exception cref="ConsulAwayException">It had no good answer.</exception>
    public static async Task<bool> AnswersAsync(IConsulClient consul, int retries, CancellationToken ct)
    {
        var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        try
        {
            await AskAsync(consul, retries, TimeProvider.System, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // It did not answer before the end.
        }
        finally
        {
            end.Dispose();
        }

        // A signal may have come with the answer.
        return !end.IsCancellationRequested;

        void End(PosixSignalContext signal)
        {
            try
            {
                end.Cancel();
                signal.Cancel = true;
            }
            catch (ObjectDisposedException)
            {
                // It came too late to be heard here, and does what it does to any program.
            }
        }
    }

    /// <param name="consul">The agent.</param>
    /// <param name="retries">How often it is asked again; -1: it is not asked for.</param>
    /// <param name="time">The time.</param>
    /// <param name="ct">Ends the asking.</param>
    /// <exception cref="ConsulAwayException">It had no good answer.</exception>
    internal static async Task AskAsync(IConsulClient consul, int retries, TimeProvider time, CancellationToken ct)
    {
        for (var failures = 1; retries >= 0; failures++)
        {
            try
            {
                await consul.Agent.Self(ct);
                return;
            }
            catch (ConsulRequestException error) when (failures > retries)
            {
                throw new ConsulAwayException(
                    $"Consul was asked {failures} times at the start: {error.Message}. Name it with --consul-http-addr, or wait for it for ever with --retry-attempts -1.", error);
            }
            catch (ConsulRequestException)
            {
                await Task.Delay(Backoff.Delay(failures, Random.Shared.NextDouble()), time, ct);
            }
        }
    }
}

/// <summary>The sidecar does not start without Consul; the message says why.</summary>
internal sealed class ConsulAwayException(string message, Exception inner) : Exception(message, inner);
