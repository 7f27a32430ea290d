using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Listening;

/// <summary>
/// The line between a proxy that leaves and the one that took over from it. Both have the same address: whoever asks there
/// what is in flight has to hear of both, or he would stop an instance that the leaving one has requests at. A question is a
/// service's name in a line, its answer JSON in a line; the line ends with the process that leaves.
/// </summary>
internal sealed class LeavingProxy(SnapshotHolder snapshots, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim turn = new(1);
    private TaskCompletionSource? taking;
    private StreamReader? line;
    private int unanswered;

    /// <summary>This proxy is about to take over: it answers nobody before it can ask the other.</summary>
    public void Expect() => taking = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>This proxy took over, from the one behind the socket.</summary>
    public void Follow(Socket earlier)
    {
        line = new StreamReader(new NetworkStream(earlier, ownsSocket: true));
        taking?.TrySetResult();
    }

    /// <summary>There is no other proxy any more, or none that leaves.</summary>
    public void Forget()
    {
        Interlocked.Exchange(ref line, null)?.Dispose();
        taking?.TrySetResult();
    }

    /// <summary>What the leaving proxy says of a service; <c>null</c> if there is none, or if it does not know the service.</summary>
    /// <exception cref="TimeoutException">It does not answer within a second; it may the next time.</exception>
    public async ValueTask<LeavingReport?> AskAsync(string service, CancellationToken ct)
    {
        if (taking is null)
            return null;
        await taking.Task.WaitAsync(ct);
        await turn.WaitAsync(ct);
        try
        {
            if (line is null)
                return null;
            using var late = new CancellationTokenSource(Patience, time);
            await line.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(service + "\n"), late.Token);
            unanswered++;
            while (await line.ReadLineAsync(late.Token) is { } json)
            {
                // Those that came too late for their questions come first.
                if (--unanswered == 0)
                    return JsonSerializer.Deserialize(json, LeavingJson.Default.LeavingReport);
            }

            Forget();
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException();
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            // It has ended, or is of a version that tells nothing.
            Forget();
        }
        finally
        {
            turn.Release();
        }

        return null;
    }

    /// <summary>Answers the proxy that took over from this one, until one of them ends.</summary>
    public async Task AnswerAsync(Socket next, CancellationToken ct)
    {
        try
        {
            await using var stream = new NetworkStream(next);
            using var questions = new StreamReader(stream);
            while (await questions.ReadLineAsync(ct) is { } service)
            {
                var earlier = await AskPatientlyAsync(service, ct);
                var report = snapshots.Current.Services.TryGetValue(service, out var known) ? LeavingReport.Of(known).With(earlier) : earlier;
                await stream.WriteAsync((byte[])[.. JsonSerializer.SerializeToUtf8Bytes(report, LeavingJson.Default.LeavingReport), (byte)'\n'], ct);
            }
        }
        catch (IOException)
        {
            // The other one has ended.
        }
    }

    // The proxy that this one took over from may not have ended yet.
    private async Task<LeavingReport?> AskPatientlyAsync(string service, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return await AskAsync(service, ct);
            }
            catch (TimeoutException)
            {
                // Whoever asks waits no longer than for one answer, and asks again.
            }
        }
    }

    public void Dispose()
    {
        Forget();
        turn.Dispose();
    }
}

/// <summary>What a proxy that leaves has still to do with a service.</summary>
/// <param name="Index">The ModifyIndex of the document that it serves by.</param>
/// <param name="Instances">The instances that it knows of.</param>
internal sealed record LeavingReport(ulong Index, IReadOnlyList<InstanceReport> Instances)
{
    public static LeavingReport Of(ServiceModel service) => new(
        service.Stored.Index,
        [
            .. service.Members.Select(member => InstanceReport.Of(member, isGone: false)),
            .. service.Gone.Select(member => InstanceReport.Of(member, isGone: true)),
        ]);

    /// <summary>The report together with that of the proxy that left before.</summary>
    public LeavingReport With(LeavingReport? earlier) => earlier is null
        ? this
        : new LeavingReport(Math.Min(Index, earlier.Index), InstanceReport.Both(Instances, earlier.Instances));
}

[JsonSerializable(typeof(LeavingReport))]
internal sealed partial class LeavingJson : JsonSerializerContext;
