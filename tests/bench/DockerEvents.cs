using System.Collections.Concurrent;
using System.Diagnostics;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Bench;

/// <summary>Docker's event stream, with the moment at which each event arrived here.</summary>
internal sealed class DockerEvents : IDisposable
{
    private readonly ConcurrentDictionary<(string Action, string Container), TaskCompletionSource<long>> awaited = new();
    private readonly CancellationTokenSource stop;

    public DockerEvents(DockerClient docker, CancellationToken ct)
    {
        stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Stream = docker.System.MonitorEventsAsync(new ContainerEventsParameters(), new Arrival(this), stop.Token);
    }

    public Task Stream { get; }

    /// <summary>The timestamp of the next event of that kind.</summary>
    public Task<long> NextAsync(string action, string container) =>
        awaited.GetOrAdd((action, container), _ => new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Dispose()
    {
        stop.Cancel();
        stop.Dispose();
    }

    private sealed class Arrival(DockerEvents owner) : IProgress<Message>
    {
        public void Report(Message value)
        {
            var now = Stopwatch.GetTimestamp();
            if (owner.awaited.TryRemove((value.Action, value.Actor?.ID ?? ""), out var waiting))
                waiting.SetResult(now);
        }
    }
}
