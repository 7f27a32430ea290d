using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

/// <summary>Stands before a real Consul: notes what it is asked, and can turn to another Consul, as a registry does that lost its data.</summary>
internal sealed class ConsulFront : IAsyncDisposable
{
    private readonly ConcurrentQueue<ConsulRequest> asked = new();
    private ConsulForwarder forwarder = null!;
    private volatile Target target;

    private ConsulFront(Uri consul) => target = new Target(consul);

    public Uri Address => forwarder.Address;

    /// <summary>Each request since the last turn.</summary>
    public IReadOnlyCollection<ConsulRequest> Asked => asked;

    public static async Task<ConsulFront> StartAsync(Uri consul)
    {
        var front = new ConsulFront(consul);
        front.forwarder = await ConsulForwarder.StartAsync(front.AnswerAsync);
        return front;
    }

    /// <summary>Sends all further requests to <paramref name="consul"/>, and ends those that wait at the earlier one.</summary>
    public async Task TurnToAsync(Uri consul)
    {
        var earlier = target;
        asked.Clear();
        target = new Target(consul);
        await earlier.Left.CancelAsync();
    }

    /// <summary>Waits until each of the services' instances were asked for so often.</summary>
    public async Task UntilInstancesAskedAsync(IEnumerable<string> services, int times)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!services.All(service => asked.Count(request => request.Path == $"/v1/health/service/{service}") >= times))
            await timer.WaitForNextTickAsync(late.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await target.Left.CancelAsync();
        await forwarder.DisposeAsync();
    }

    private Task AnswerAsync(HttpContext context)
    {
        asked.Enqueue(new ConsulRequest(context.Request.Path.Value!, [.. context.Request.Query.Keys]));
        var to = target;
        return forwarder.ForwardAsync(context, to.Consul, to.Left.Token);
    }

    private sealed record Target(Uri Consul)
    {
        public CancellationTokenSource Left { get; } = new();
    }
}

/// <summary>A request's path and the names in its query.</summary>
internal sealed record ConsulRequest(string Path, IReadOnlyList<string> Query);
