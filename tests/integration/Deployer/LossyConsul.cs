using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Stands before a real Consul, and loses what a test wants to be lost.</summary>
internal sealed class LossyConsul : IAsyncDisposable
{
    private readonly Uri consul;
    private readonly Func<HttpContext, Loss> rule;
    private ConsulForwarder forwarder = null!;

    private LossyConsul(Uri consul, Func<HttpContext, Loss> rule) => (this.consul, this.rule) = (consul, rule);

    public Uri Address => forwarder.Address;

    /// <summary>What happens before a call is answered.</summary>
    public Func<HttpContext, Task> Before { get; set; } = _ => Task.CompletedTask;

    public static async Task<LossyConsul> StartAsync(Uri consul, Func<HttpContext, Loss> rule)
    {
        var front = new LossyConsul(consul, rule);
        front.forwarder = await ConsulForwarder.StartAsync(front.AnswerAsync);
        return front;
    }

    /// <summary>Loses the transaction of that number, 1 for the first.</summary>
    public static Func<HttpContext, Loss> Transaction(int number, Loss loss)
    {
        var seen = 0;
        return context => context.Request.Path == "/v1/txn" && Interlocked.Increment(ref seen) == number ? loss : Loss.Nothing;
    }

    public ValueTask DisposeAsync() => forwarder.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        await Before(context);
        var ct = context.RequestAborted;
        switch (rule(context))
        {
            case Loss.Request:
                context.Abort();
                break;
            case Loss.Answer:
                await forwarder.LoseAnswerAsync(context, consul, ct);
                break;
            case Loss.OfTheLast:
                await OfTheLastAsync(context);
                break;
            case Loss.Refused:
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
                break;
            case Loss.Forbidden:
                context.Response.StatusCode = StatusCodes.Status403Forbidden;
                break;
            default:
                await forwarder.ForwardAsync(context, consul, ct);
                break;
        }
    }

    private async Task OfTheLastAsync(HttpContext context)
    {
        using var http = new HttpClient();
        var list = await http.GetFromJsonAsync<JsonArray>(new Uri(consul, context.Request.Path + context.Request.QueryString), context.RequestAborted);
        list!.RemoveAt(list.Count - 1);
        await context.Response.WriteAsJsonAsync(list, context.RequestAborted);
    }
}

internal enum Loss
{
    Nothing,

    /// <summary>It never reaches Consul.</summary>
    Request,

    /// <summary>Consul does it, and nobody hears of it.</summary>
    Answer,

    /// <summary>Of the list that Consul answers, the last.</summary>
    OfTheLast,

    /// <summary>Consul says that it cannot.</summary>
    Refused,

    /// <summary>Consul says that this token may not.</summary>
    Forbidden,
}
