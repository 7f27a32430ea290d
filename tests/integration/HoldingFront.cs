using Microsoft.AspNetCore.Http;

namespace ServiceMesh.Tests.Integration;

/// <summary>Stands before Consul or Docker and keeps what a test names waiting: whoever asks is frozen in just that.</summary>
internal sealed class HoldingFront : IAsyncDisposable
{
    private readonly Uri target;
    private readonly Func<HttpRequest, bool> holds;
    private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ConsulForwarder forwarder = null!;

    private HoldingFront(Uri target, Func<HttpRequest, bool> holds) => (this.target, this.holds) = (target, holds);

    public Uri Address => forwarder.Address;

    /// <summary>Ends when the first request waits.</summary>
    public Task Reached => reached.Task;

    public static async Task<HoldingFront> StartAsync(Uri target, Func<HttpRequest, bool> holds)
    {
        var front = new HoldingFront(target, holds);
        front.forwarder = await ConsulForwarder.StartAsync(front.AnswerAsync);
        return front;
    }

    /// <summary>Lets all go on that waits, and all that comes.</summary>
    public void Release() => released.TrySetResult();

    // What still waits goes nowhere: whoever asked may have given it up, and nobody expects that it is done now.
    public ValueTask DisposeAsync()
    {
        released.TrySetCanceled();
        return forwarder.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        if (holds(context.Request))
        {
            reached.TrySetResult();
            await released.Task.WaitAsync(context.RequestAborted);
        }

        await forwarder.ForwardAsync(context, target, context.RequestAborted);
    }
}
