using System.Diagnostics;
using Microsoft.Net.Http.Headers;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Observing;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Choosing;
using ServiceMesh.Proxy.Traffic.Retries;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Traffic;

/// <summary>
/// One request on its way: which instances were asked, and what becomes of their answers. It is the transformer of its own
/// forwarding, because that is the only place where an answer can be looked at before the client sees any of it.
/// </summary>
internal sealed class Exchange(HttpContext context, TrafficHandler handler) : HttpTransformer
{
    public HttpContext Context { get; } = context;

    /// <summary>When it arrived, by the clock of <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long Started { get; } = handler.Now;

    /// <summary>The instance that is asked now.</summary>
    public MemberModel? Member { get; private set; }

    /// <summary>The instances that were asked before; <c>null</c> for none.</summary>
    public HashSet<MemberState>? Tried { get; private set; }

    /// <summary>How often another instance was asked after the first.</summary>
    public int Retries => Tried?.Count ?? 0;

    /// <summary>Whether the last instance that was asked could not be reached.</summary>
    public bool WasNeverSent { get; set; }

    /// <summary>Whether it came with a valid candidate pass.</summary>
    public bool HasPass { get; set; }

    /// <summary>Since when it has waited for a place, by the clock of <see cref="TimeProvider.GetTimestamp"/>; <c>null</c> if it does not.</summary>
    public long? WaitsSince { get; set; }

    /// <summary>Since when it was held by a pause, by that clock; <c>null</c> if it was not.</summary>
    public long? HeldSince { get; set; }

    /// <summary>How long a pause could hold it, counted from then.</summary>
    public TimeSpan HeldAtMost { get; set; }

    /// <summary>The cookie that the client brought, or its first one.</summary>
    public MeshCookie? Cookie { get; set; }

    /// <summary>Whether the client brought a cookie that was signed here.</summary>
    public bool IsKnown { get; set; }

    /// <summary>The cookie that goes out with the answer; <c>null</c> for none.</summary>
    public MeshCookie? Issued { get; set; }

    /// <summary>Whether the answer was put aside to ask another instance.</summary>
    public bool IsPutAside { get; private set; }

    /// <summary>When the instance was asked that is asked now.</summary>
    private long Asked { get; set; }

    /// <summary>How long after that its answer's headers came; <c>null</c> while they did not.</summary>
    public TimeSpan? AnsweredAfter { get; private set; }

    /// <summary>The status of that answer.</summary>
    public int? AnswerStatus { get; private set; }

    /// <summary>How the last instance that was asked failed; <c>null</c> if it did not.</summary>
    public Failure? Failure { get; private set; }

    /// <summary>Why no instance answers; <c>null</c> if one was asked.</summary>
    public Refusal? Refusal { get; private set; }

    /// <summary>Where its route leads; <c>null</c> if none does.</summary>
    public RouteTarget? Target { get; private set; }

    /// <summary>The span of its whole way; <c>null</c> if none is wanted.</summary>
    public Activity? Span { get; init; }

    /// <summary>The time now.</summary>
    public DateTimeOffset Ended => handler.Clock;

    private TimeSpan SinceAsked => handler.Since(Asked);

    /// <summary>The span of asking the instance.</summary>
    private Activity? Attempt { get; set; }

    private ServiceModel Service { get; set; } = null!;

    private ServiceDocument Document { get; set; } = null!;

    /// <summary>
    /// Takes the route. After a wait it may be another service's: to that one the cookie, the failures and the waits of the former mean nothing.
    /// </summary>
    public void Follow(RouteTarget target)
    {
        if (Target is not null && Target.Service != target.Service)
            (Cookie, IsKnown, Issued, Member, Tried, WaitsSince, HeldSince, HeldAtMost) = (null, false, null, null, null, null, null, default);
        Target = target;
    }

    public void Begin(RouteTarget target, ServiceModel service, ServiceDocument document, MemberModel member)
    {
        (Target, Service, Document, Member) = (target, service, document, member);
        (IsPutAside, WaitsSince) = (false, null);
        (Asked, AnsweredAfter, AnswerStatus, Failure, WasNeverSent) = (handler.Now, null, null, null, false);
        Attempt = Span is null ? null : Tracing.Ask(Span, this);
    }

    /// <summary>Takes note of how asking the instance failed, if it did.</summary>
    public void Fail(Failure? failure)
    {
        Failure = failure;
        if (failure is Metering.Failure.CutOff)
            Member!.CutOff();
        else if (failure is { } other)
            Member!.Failed(other, SinceAsked);
    }

    /// <summary>The instance has answered, or failed.</summary>
    public void EndAttempt()
    {
        if (Attempt is { } attempt)
            Tracing.Answered(attempt, this);
        Attempt = null;
    }

    /// <summary>Takes note of why no instance answers.</summary>
    public void Refuse(ServiceModel service, Refusal why)
    {
        Refusal = why;
        service.State.Meter.Refused(why);
    }

    /// <summary>Takes note that the instance failed; the next one is another one.</summary>
    public void GiveUpMember()
    {
        Tried ??= new HashSet<MemberState>(ReferenceEqualityComparer.Instance);
        Tried.Add(Member!.State);
        Member = null;
    }

    public override ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken) => HasPass || Span is not null
        ? TransformOwnRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken)
        : Target!.Transformer.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);

    public override ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is not null)
        {
            var after = SinceAsked;
            (AnsweredAfter, AnswerStatus) = (after, (int)proxyResponse.StatusCode);
            Member!.Answered((int)proxyResponse.StatusCode, after);
        }

        if (proxyResponse is not null
            && RetryRule.IsFailure((int)proxyResponse.StatusCode)
            && RetryRule.IsRepeatable(httpContext)
            && handler.MayRetry(this, Service, Document))
        {
            IsPutAside = true;
            return new ValueTask<bool>(result: false);
        }

        // A cookie is worth what its instance is: without an answer there is none.
        var transformed = Issued is null || proxyResponse is null
            ? Target!.Transformer.TransformResponseAsync(httpContext, proxyResponse, cancellationToken)
            : TransformAndIssueAsync(httpContext, proxyResponse, cancellationToken);
        return proxyResponse is not null && BeginsAtOnce(httpContext.Response)
            ? BeginStreamAsync(transformed, httpContext.Response, cancellationToken)
            : transformed;
    }

    public override ValueTask TransformResponseTrailersAsync(HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken) =>
        Target!.Transformer.TransformResponseTrailersAsync(httpContext, proxyResponse, cancellationToken);

    // Afterwards: what a route does to Set-Cookie is meant for its instances' cookies.
    private async ValueTask<bool> TransformAndIssueAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var goesOn = await Target!.Transformer.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        handler.IssueCookie(this, Service);
        return goesOn;
    }

    // An answer of gRPC that has its status among the headers has no body: they are its trailers, too, and must end the stream.
    private static bool BeginsAtOnce(HttpResponse response) => response.ContentType is { } type
        && (type.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase)
            || (type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) && !response.Headers.ContainsKey(HeaderNames.GrpcStatus)));

    // The forwarder sends the headers with the body's first part, since an answer may have none. Of events or messages the first may
    // be far away, and until the headers are there a client takes the stream for one that did not open.
    private static async ValueTask<bool> BeginStreamAsync(ValueTask<bool> transformed, HttpResponse response, CancellationToken ct)
    {
        var goesOn = await transformed;
        if (goesOn)
            await response.Body.FlushAsync(ct);
        return goesOn;
    }

    private async ValueTask TransformOwnRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await Target!.Transformer.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        // The pass is for the proxy: no service needs to know how its candidates are reached.
        if (HasPass)
            proxyRequest.Headers.Remove(CandidatePass.Header);
        if ((Attempt ?? Span) is { } span)
            Tracing.PassOn(span, proxyRequest);
    }
}
