using ServiceMesh.Proxy.Traffic;

namespace ServiceMesh.Proxy.Observing;

/// <summary>Goes with each request where its span or its line in the access log is wanted.</summary>
internal sealed class RequestObserver(TrafficHandler traffic, AccessLog log, IConfiguration configuration)
{
    /// <summary>Whether anything is wanted at all.</summary>
    public bool IsNeeded { get; } = log.IsOn || Tracing.EndpointOf(configuration) is not null;

    public async Task HandleAsync(HttpContext context)
    {
        var exchange = new Exchange(context, traffic) { Span = Tracing.Begin(context) };
        try
        {
            await traffic.HandleAsync(exchange);
        }
        finally
        {
            // Nobody has the answer, whatever it was to be.
            if (!context.Response.HasStarted && context.RequestAborted.IsCancellationRequested)
                context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            if (exchange.Span is { } span)
                Tracing.End(span, exchange);
            if (log.IsOn)
                log.Write(AccessEntry.Of(exchange, traffic.Since(exchange.Started)));
        }
    }
}
