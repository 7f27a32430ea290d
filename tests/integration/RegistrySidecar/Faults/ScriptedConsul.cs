using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>Stands before a real Consul and answers as a sick one does, to all or some requests, for a while.</summary>
internal sealed class ScriptedConsul : IAsyncDisposable
{
    private static readonly TimeSpan Lateness = TimeSpan.FromSeconds(2);

    private readonly Uri consul;
    private readonly string? token;
    private ConsulForwarder forwarder = null!;
    private Script script = new(_ => false, Fault.Reset);
    private int hits;
    private int forwarded;
    private int pending;

    private ScriptedConsul(Uri consul, string? token) => (this.consul, this.token) = (consul, token);

    public Uri Address => forwarder.Address;

    /// <summary>Requests that the fault concerned since it began.</summary>
    public int Hits => hits;

    /// <summary>Requests that went on to the real Consul since then.</summary>
    public int Forwarded => forwarded;

    /// <summary>Requests that wait for an answer.</summary>
    public int Pending => pending;

    /// <summary>Open connections.</summary>
    public int Connections => forwarder.Connections;

    /// <param name="consul">The real one.</param>
    /// <param name="token">The ACL token that every request gets; <c>null</c>: what it has.</param>
    public static async Task<ScriptedConsul> StartAsync(Uri consul, string? token = null)
    {
        var scripted = new ScriptedConsul(consul, token);
        scripted.forwarder = await ConsulForwarder.StartAsync(scripted.AnswerAsync);
        return scripted;
    }

    /// <summary>Breaks off what waits, as a Consul does that goes down, and lets the fault begin.</summary>
    public async Task BeginAsync(Fault fault, Func<ConsulCall, bool>? concerns = null)
    {
        hits = forwarded = 0;
        var before = Interlocked.Exchange(ref script, new Script(concerns ?? (_ => true), fault));
        await before.Ended.CancelAsync();
    }

    /// <summary>The fault ends; requests that hang go on to the real Consul.</summary>
    public Task EndAsync() => BeginAsync(Fault.Reset, _ => false);

    /// <summary>The fault goes on until it is so old: how often it is hit meanwhile is what a test wants to know.</summary>
    public static async Task LastAsync(TimeSpan duration)
    {
        var begun = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (Stopwatch.GetElapsedTime(begun) < duration)
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Waits until something about this Consul holds.</summary>
    public Task UntilAsync(Func<ScriptedConsul, bool> wanted) => Until.TrueAsync(() => Task.FromResult(wanted(this)));

    public async ValueTask DisposeAsync()
    {
        await script.Ended.CancelAsync();
        await forwarder.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Interlocked.Increment(ref pending);
        try
        {
            var now = script;
            if (now.Concerns(await ReadAsync(context.Request)))
            {
                Interlocked.Increment(ref hits);
                if (!await FailAsync(context, now))
                    return;
                now = script;
            }

            Interlocked.Increment(ref forwarded);
            if (token is not null)
                context.Request.Headers["X-Consul-Token"] = token;
            await forwarder.ForwardAsync(context, consul, now.Ended.Token);
        }
        finally
        {
            Interlocked.Decrement(ref pending);
        }
    }

    /// <returns>Whether the request goes on to the real Consul after all.</returns>
    private static async Task<bool> FailAsync(HttpContext context, Script script)
    {
        switch (script.Fault)
        {
            case Fault.Reset:
                context.Abort();
                return false;
            case Fault.Hang:
                var ended = new TaskCompletionSource();
                using (context.RequestAborted.Register(() => ended.TrySetCanceled()))
                await using (script.Ended.Token.Register(() => ended.TrySetResult()))
                    await ended.Task;
                return true;
            case Fault.Slow:
                await Task.Delay(Lateness, TimeProvider.System, context.RequestAborted);
                return true;
            default:
                context.Response.StatusCode = (int)script.Fault;
                await context.Response.WriteAsync("rpc error: a fault by script");
                return false;
        }
    }

    private static async Task<ConsulCall> ReadAsync(HttpRequest request)
    {
        request.EnableBuffering();
        using var reader = new StreamReader(request.Body, leaveOpen: true);
        var body = await reader.ReadToEndAsync();
        request.Body.Position = 0;
        return new ConsulCall(request.Method, request.Path.Value ?? "", body);
    }

    private sealed record Script(Func<ConsulCall, bool> Concerns, Fault Fault)
    {
        public CancellationTokenSource Ended { get; } = new();
    }
}

/// <summary>A request to Consul.</summary>
internal sealed record ConsulCall(string Method, string Path, string Body)
{
    public bool IsRegistration => Path == "/v1/agent/service/register";
}

/// <summary>How a sick Consul behaves; a number is the status of its answer.</summary>
public enum Fault
{
    /// <summary>The connection is broken off.</summary>
    Reset,

    /// <summary>The request is taken and never answered.</summary>
    Hang,

    /// <summary>The request is answered two seconds late.</summary>
    Slow,
    Forbidden = 403,
    TooManyRequests = 429,
    InternalServerError = 500,
}
