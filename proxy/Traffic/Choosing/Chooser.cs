using Microsoft.Extensions.Primitives;
using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Traffic.Choosing;

/// <summary>Chooses the release and the instance for a request, and enters it there.</summary>
internal sealed class Chooser(Keys keys, TimeProvider time)
{
    public Choice Choose(Exchange exchange, ServiceModel service, ServiceDocument document)
    {
        if (!TryPool(exchange, service, document, out var pool))
            return Choice.Refused;
        if (pool.Members.Length == 0)
            return Choice.None;

        var policy = document.Traffic;
        var member = (policy.Sticky ? Remembered(exchange, service, pool) : null) ?? Balancer.Pick(pool, policy.Balance)!;
        if (policy.Concurrency is { } limit)
        {
            // Whoever came before and waits goes before, but not before itself.
            if (exchange.WaitsSince is null && service.State.Line.HasTaker(member.Instance.Deployment))
                return Choice.Full(pool);
            if (!member.State.TryEnter(limit.PerInstance))
            {
                if (pool.EnterAny(limit) is not { } other)
                    return Choice.Full(pool);
                member = other;
            }
        }
        else
        {
            member.State.Enter();
        }

        if (policy.Sticky)
            Remember(exchange, service, member);
        return new Choice(ChoiceKind.Entered, member);
    }

    /// <summary>Whether another instance than those that were tried could be asked now.</summary>
    public bool HasOther(Exchange exchange, ServiceModel service, ServiceDocument document) =>
        TryPool(exchange, service, document, out var pool) && pool.Members.Length > 0;

    /// <summary>Whether it brings a candidate pass that is valid for the service.</summary>
    public bool HasPass(Exchange exchange, ServiceModel service) =>
        exchange.Context.Request.Headers.TryGetValue(CandidatePass.Header, out var pass) && Check(pass, service) is not null;

    // The deployment that it leads to.
    private string? Check(StringValues pass, ServiceModel service) =>
        CandidatePass.Check(pass.ToString(), service.Stored.Service, keys.Ring.Signers, time.GetUtcNow());

    // The instances that the request may go to, and that were not asked yet.
    private bool TryPool(Exchange exchange, ServiceModel service, ServiceDocument document, out ReleasePool pool)
    {
        if (exchange.Context.Request.Headers.TryGetValue(CandidatePass.Header, out var pass))
        {
            var deployment = Check(pass, service);
            pool = deployment is null ? ReleasePool.Empty : Unasked(exchange, service.PoolOf(deployment));
            return exchange.HasPass = deployment is not null;
        }

        // A release without any instance leaves its share to the other one rather than to none; a split's also a request for which none
        // of its instances could be reached.
        var isSplit = document.Split is { } split && IsSplit(exchange, service, split);
        var (mine, other) = isSplit ? (service.Split, service.Active) : (service.Active, service.Split);
        pool = Unasked(exchange, mine);
        if (pool.Members.Length == 0 && (mine.Members.Length == 0 || (isSplit && HasLeft(exchange, other))))
            pool = Unasked(exchange, other);
        return true;
    }

    private static bool HasLeft(Exchange exchange, ReleasePool other) =>
        exchange.WasNeverSent || Array.Exists(other.Members, member => IsAsked(exchange, member));

    private static ReleasePool Unasked(Exchange exchange, ReleasePool pool) =>
        exchange.Member is null && exchange.Tried is null ? pool : pool.Without(member => IsAsked(exchange, member));

    private static bool IsAsked(Exchange exchange, MemberModel member) =>
        member.State == exchange.Member?.State || exchange.Tried?.Contains(member.State) == true;

    private bool IsSplit(Exchange exchange, ServiceModel service, Split split)
    {
        var request = exchange.Context.Request;
        if (split.Header is { } header && request.Headers.TryGetValue(header.Name, out var value) && value == header.Value)
            return true;
        if (split.Cookie is { } cookie && request.Cookies.TryGetValue(cookie.Name, out var text) && text == cookie.Value)
            return true;
        if (split.Share <= 0)
            return false;
        return Bucket.IsSplit(BucketOf(exchange, service), service.SplitStart, split.Share);
    }

    private int BucketOf(Exchange exchange, ServiceModel service)
    {
        var cookie = CookieOf(exchange, service);
        if (!exchange.IsKnown)
            exchange.Issued = cookie;
        return cookie.Bucket;
    }

    private MemberModel? Remembered(Exchange exchange, ServiceModel service, ReleasePool pool)
    {
        var tag = CookieOf(exchange, service).Instance;
        return tag.Length == 0 ? null : Array.Find(pool.Members, member => member.State.Tag == tag);
    }

    private void Remember(Exchange exchange, ServiceModel service, MemberModel member)
    {
        var cookie = CookieOf(exchange, service);
        if (exchange.IsKnown && cookie.Instance == member.State.Tag)
            return;
        exchange.Issued = cookie with { Instance = member.State.Tag };
    }

    private MeshCookie CookieOf(Exchange exchange, ServiceModel service)
    {
        if (exchange.Issued is { } issued)
            return issued;
        if (exchange.Cookie is null)
        {
            exchange.Cookie = MeshCookie.Read(exchange.Context.Request, service.Stored.Service, keys.Ring.CookieKey.Span);
            exchange.IsKnown = exchange.Cookie is not null;
            exchange.Cookie ??= new MeshCookie(Bucket.New(), "");
        }

        return exchange.Cookie.Value;
    }
}

/// <summary>What came of choosing.</summary>
/// <param name="Kind">How it ended.</param>
/// <param name="Member">The instance that the request entered; it must leave it.</param>
/// <param name="Pool">The instances that it may wait for.</param>
internal readonly record struct Choice(ChoiceKind Kind, MemberModel? Member = null, ReleasePool? Pool = null)
{
    /// <summary>There is no instance, or none that was not tried.</summary>
    public static Choice None => new(ChoiceKind.None);

    /// <summary>The request's candidate pass is none.</summary>
    public static Choice Refused => new(ChoiceKind.Refused);

    /// <summary>Every instance has as many requests as it may, or others were there before and wait.</summary>
    public static Choice Full(ReleasePool pool) => new(ChoiceKind.Full, Pool: pool);
}

internal enum ChoiceKind
{
    Entered,
    None,
    Full,
    Refused,
}
