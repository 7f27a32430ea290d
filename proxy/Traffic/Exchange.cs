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

    /// <summary>Whether it came with a valid candidate pass.</summary>
    public bool HasPass { get; set; }

    /// <summary>Whether it has waited for a place.</summary>
    public bool Waited { get; set; }

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

    /// <summary>How long ago the instance was asked that is asked now.</summary>
    public TimeSpan SinceAsked => handler.Since(Asked);

    private RouteTarget Target { get; set; } = null!;

    private ServiceModel Service { get; set; } = null!;

    private ServiceDocument Document { get; set; } = null!;

    public void Begin(RouteTarget target, ServiceModel service, ServiceDocument document, MemberModel member)
    {
        (Target, Service, Document, Member) = (target, service, document, member);
        IsPutAside = false;
        (Asked, AnsweredAfter) = (handler.Now, null);
    }

    /// <summary>Takes note that the instance failed; the next one is another one.</summary>
    public void GiveUpMember()
    {
        Tried ??= new HashSet<MemberState>(ReferenceEqualityComparer.Instance);
        Tried.Add(Member!.State);
        Member = null;
    }

    public override ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken) => HasPass
        ? TransformCandidateRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken)
        : Target.Transformer.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);

    public override ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is not null)
        {
            var after = SinceAsked;
            AnsweredAfter = after;
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

        handler.IssueCookie(this, Service);
        return Target.Transformer.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
    }

    public override ValueTask TransformResponseTrailersAsync(HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken) =>
        Target.Transformer.TransformResponseTrailersAsync(httpContext, proxyResponse, cancellationToken);

    // The pass is for the proxy: no service needs to know how its candidates are reached.
    private async ValueTask TransformCandidateRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await Target.Transformer.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        proxyRequest.Headers.Remove(CandidatePass.Header);
    }
}
