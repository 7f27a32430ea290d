using System.Collections.Frozen;
using System.Diagnostics;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic;

namespace ServiceMesh.Proxy.Observing;

/// <summary>
/// The spans of a request: one for its whole way through the proxy, and one for each instance that was asked. They are made
/// here and not by .NET's own instrumentation, which knows no service, and would begin spans that nobody is told of, whose
/// ids it would pass on.
/// </summary>
internal static class Tracing
{
    public const string SourceName = "ServiceMesh.Proxy";
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string Parent = "traceparent";
    private const string State = "tracestate";

    private static readonly FrozenSet<string> Methods =
        FrozenSet.Create(StringComparer.Ordinal, "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE");

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Where spans are sent to; <c>null</c> if tracing is off.</summary>
    public static string? EndpointOf(IConfiguration configuration) => configuration[EndpointVariable] is { Length: > 0 } endpoint ? endpoint : null;

    /// <summary>Begins the span of a request, as a part of the trace that the client tells of; <c>null</c> if none is wanted.</summary>
    public static Activity? Begin(HttpContext context)
    {
        if (!Source.HasListeners())
            return null;
        var request = context.Request;
        var parent = ActivityContext.TryParse(request.Headers[Parent], request.Headers[State], isRemote: true, out var told) ? told : default;
        // Whatever else is going on is not what led to this request.
        Activity.Current = null;
        var span = Source.StartActivity(NameOf(request.Method), ActivityKind.Server, parent);
        if (span is not { IsAllDataRequested: true })
            return span;
        TellMethod(span, request.Method);
        span.SetTag("url.scheme", request.Scheme);
        span.SetTag("url.path", request.Path.Value);
        span.SetTag("server.address", request.Host.Host);
        span.SetTag("network.protocol.version", request.Protocol[(request.Protocol.IndexOf('/') + 1)..]);
        span.SetTag("user_agent.original", request.Headers.UserAgent.ToString());
        return span;
    }

    /// <summary>Ends it with what became of the request.</summary>
    public static void End(Activity span, Exchange exchange)
    {
        if (span.IsAllDataRequested)
        {
            if (exchange.Target is { } target)
            {
                // Of a name there are as many as of routes, not as of paths.
                span.DisplayName = $"{NameOf(exchange.Context.Request.Method)} {target.Route.Path}";
                span.SetTag("http.route", target.Route.Path);
                span.SetTag("mesh.service", target.Service);
            }

            Tell(span, exchange.Member);
            var status = exchange.Context.Response.StatusCode;
            span.SetTag("http.response.status_code", status);
            if (exchange.Refusal is { } refusal)
                span.SetTag("mesh.refusal", Metering.MetricFamilies.WordOf(refusal));
            if (status >= StatusCodes.Status500InternalServerError)
                span.SetStatus(ActivityStatusCode.Error);
        }

        span.Dispose();
    }

    /// <summary>Begins the span of asking an instance.</summary>
    public static Activity? Ask(Activity parent, Exchange exchange)
    {
        var span = Source.StartActivity(NameOf(exchange.Context.Request.Method), ActivityKind.Client, parent.Context);
        if (span is not { IsAllDataRequested: true })
            return span;
        var instance = exchange.Member!.Instance;
        TellMethod(span, exchange.Context.Request.Method);
        span.SetTag("server.address", instance.Address);
        span.SetTag("server.port", instance.Port);
        span.SetTag("mesh.service", instance.Service);
        Tell(span, exchange.Member);
        if (exchange.Retries > 0)
            span.SetTag("http.request.resend_count", exchange.Retries);
        return span;
    }

    /// <summary>Ends it with the instance's answer, or with how it failed.</summary>
    public static void Answered(Activity span, Exchange exchange)
    {
        if (span.IsAllDataRequested)
        {
            if (exchange.AnswerStatus is { } status)
                span.SetTag("http.response.status_code", status);
            if (exchange.Failure is { } failure)
                span.SetTag("error.type", Metering.MetricFamilies.WordOf(failure));
            // A client's span fails by an answer of 4xx, too (OpenTelemetry's conventions for HTTP).
            if (exchange.Failure is not null || exchange.AnswerStatus >= StatusCodes.Status400BadRequest)
                span.SetStatus(ActivityStatusCode.Error);
        }

        span.Dispose();
    }

    /// <summary>Tells the instance which span it is asked in. What the client sent stands in the message already.</summary>
    public static void PassOn(Activity span, HttpRequestMessage message)
    {
        // Nobody will be told of this span: it must not come between two that somebody may be told of.
        if (!span.Recorded && message.Headers.Contains(Parent))
            return;
        message.Headers.Remove(Parent);
        message.Headers.TryAddWithoutValidation(Parent, span.Id);
    }

    // A client may call a method anything: of names and attributes there must not be as many (OpenTelemetry's conventions for HTTP).
    private static string NameOf(string method) => Methods.Contains(method) ? method : "HTTP";

    private static void TellMethod(Activity span, string method)
    {
        var isKnown = Methods.Contains(method);
        span.SetTag("http.request.method", isKnown ? method : "_OTHER");
        if (!isKnown)
            span.SetTag("http.request.method_original", method);
    }

    private static void Tell(Activity span, MemberModel? member)
    {
        if (member is null)
            return;
        span.SetTag("mesh.release", member.Instance.Version);
        span.SetTag("mesh.deployment", member.Instance.Deployment);
        span.SetTag("mesh.instance", member.Instance.Id);
    }
}
