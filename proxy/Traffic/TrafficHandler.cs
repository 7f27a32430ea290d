using Microsoft.AspNetCore.Http.Features;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Choosing;
using ServiceMesh.Proxy.Traffic.Retries;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Proxy.Traffic.Upstreams;
using ServiceMesh.Proxy.Traffic.Waiting;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Traffic;

/// <summary>
/// Sends each request to an instance of the service that its route leads to: chooses, waits where there is no place or the
/// service is paused, asks another instance where one fails.
/// </summary>
internal sealed partial class TrafficHandler(
    SnapshotHolder snapshots,
    Chooser chooser,
    Keys keys,
    Patience patience,
    IHttpForwarder forwarder,
    Upstream upstream,
    BodyLimit limit,
    PassiveHealth health,
    ProxyMeter meter,
    TrustedProxies trusted,
    TimeProvider time,
    ILogger<TrafficHandler> log)
{
    public long Now => time.GetTimestamp();

    public DateTimeOffset Clock => time.GetUtcNow();

    public TimeSpan Since(long timestamp) => time.GetElapsedTime(timestamp);

    public Task HandleAsync(HttpContext context) => HandleAsync(new Exchange(context, this));

    public async Task HandleAsync(Exchange exchange)
    {
        var context = exchange.Context;
        if (!context.Request.Path.HasValue || IsTunnel(context))
        {
            await OfNoServiceAsync(context);
            return;
        }

        while (true)
        {
            var snapshot = snapshots.Current;
            if (snapshot.Routes.Match(context.Request.Host.Host, context.Request.Path.Value ?? "") is not { } target)
            {
                meter.NotRouted();
                await NoRouteAsync(context, snapshot);
                return;
            }

            exchange.Follow(target);
            var service = snapshot.Services[target.Service];
            var document = service.Stored.Document!;
            if (document.Maintenance is { } maintenance && !chooser.HasPass(exchange, service))
            {
                await MaintenanceAsync(exchange, service, maintenance);
                return;
            }

            if (document.Pause is { } pause && !chooser.HasPass(exchange, service))
            {
                if (!await patience.PausedAsync(exchange, snapshot, service, pause))
                    return;
                continue;
            }

            var choice = chooser.Choose(exchange, service, document);
            if (choice.Member is not { } member)
            {
                if (!await NotEnteredAsync(exchange, service, document, choice))
                    return;
                continue;
            }

            var aborted = member.State.Aborted;
            try
            {
                // Whoever drains an instance looks at its counter after a newer snapshot is in place. So a request that was counted too
                // late to be seen must not go there: it chooses again, by the newer snapshot. Any other ends by what was read before.
                if (!ReferenceEquals(snapshot, snapshots.Current))
                    continue;
                exchange.Begin(target, service, document, member);
                if (await ForwardAsync(exchange, target, service, document, aborted))
                    return;
            }
            finally
            {
                exchange.EndAttempt();
                member.State.Leave();
                service.State.Line.Call(member.Instance.Deployment);
            }
        }
    }

    /// <summary>Whether the failed instance's request may go to another one, now; a retry is spent if so.</summary>
    public bool MayRetry(Exchange exchange, ServiceModel service, ServiceDocument document) =>
        exchange.Retries < document.Traffic.Retries.Attempts
        && chooser.HasOther(exchange, service, document)
        && service.State.Retries.TryWithdraw();

    public void IssueCookie(Exchange exchange, ServiceModel service) => exchange.Issued?.Issue(
        exchange.Context.Response, service.Stored.Service, keys.Ring.CookieKey.Span, isSecure: trusted.CameWithTls(exchange.Context));

    /// <returns>Whether the client has its answer; else another instance is to be asked.</returns>
    private async ValueTask<bool> ForwardAsync(
        Exchange exchange, RouteTarget target, ServiceModel service, ServiceDocument document, CancellationToken aborted)
    {
        var (context, member) = (exchange.Context, exchange.Member!);
        if (!limit.Set(exchange, target.Route))
        {
            exchange.Refuse(service, Refusal.BodyTooLarge);
            await Problem.WriteAsync(
                context, StatusCodes.Status413PayloadTooLarge, $"A request to service '{target.Service}' may have a body of {target.Route.MaxBody} bytes.");
            return true;
        }

        if (exchange.Retries == 0)
            service.State.Retries.Deposit(document.Traffic.Retries.Budget);
        else
            service.State.Retries.Send();
        var error = await forwarder.SendAsync(
            context, Upstream.AddressOf(target.Route, member.Url), upstream.ClientOf(target.Route), target.Request, exchange, aborted);
        var reason = error is ForwarderError.None ? null : context.GetForwarderErrorFeature()?.Exception;
        var isOver = FailureRule.IsOver(error, reason, context.RequestAborted.IsCancellationRequested || aborted.IsCancellationRequested, context.Response);
        exchange.WasNeverSent = RetryRule.NeverSent(error, reason);
        var failure = FailureRule.Of(error, reason, exchange.AnsweredAfter is not null, isOver);
        // Whoever was aborted, by the client or by the end of a drain, tells nothing of the instance.
        if (!exchange.HasPass && !isOver && FailureRule.IsCharged(error, reason))
            health.Record(service, member, failure, context.Response.StatusCode);
        if (error is not ForwarderError.None && !exchange.IsPutAside)
            exchange.Fail(failure);
        if (exchange.IsPutAside)
        {
            AskingAnother(service.Stored.Service, member.Url, "its answer was a failure");
            exchange.GiveUpMember();
            context.Response.Clear();
            return false;
        }

        var isInstances = failure is not (null or Failure.Client);
        if (error is ForwarderError.None || (context.RequestAborted.IsCancellationRequested && !isInstances))
            return true;

        if (!context.Response.HasStarted && IsRetriable(context, error, reason) && MayRetry(exchange, service, document))
        {
            AskingAnother(service.Stored.Service, member.Url, reason?.GetBaseException().Message);
            exchange.GiveUpMember();
            context.Response.Clear();
            context.Features.Set<IForwarderErrorFeature>(null);
            return false;
        }

        // What clients do themselves they can do as often as they like: no line in the log for each.
        var why = reason?.GetBaseException().Message;
        ForwardingFailed(isInstances ? LogLevel.Warning : LogLevel.Debug, service.Stored.Service, member.Url, error, why);
        if (!context.Response.HasStarted)
        {
            if (aborted.IsCancellationRequested)
                await Problem.WriteAsync(context, StatusCodes.Status504GatewayTimeout, $"The instance left the traffic of service '{service.Stored.Service}', and did not answer until its drain timeout.");
            else
                await Problem.WriteAsync(context, context.Response.StatusCode, $"Service '{service.Stored.Service}' could not be asked: {error}.");
        }

        return true;
    }

    // By HTTP/2 a websocket is asked for with CONNECT, too, and nothing else is that is known here (RFC 8441).
    private static bool IsTunnel(HttpContext context) =>
        HttpMethods.IsConnect(context.Request.Method)
        && !"websocket".Equals(context.Features.Get<IHttpExtendedConnectFeature>()?.Protocol, StringComparison.OrdinalIgnoreCase);

    // CONNECT asks for a tunnel; OPTIONS * asks of the server, and that is this one.
    private static Task OfNoServiceAsync(HttpContext context)
    {
        if (!HttpMethods.IsOptions(context.Request.Method))
            return Problem.WriteAsync(context, StatusCodes.Status501NotImplemented, "CONNECT asks for a tunnel, and there is none here.");
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static bool IsRetriable(HttpContext context, ForwarderError error, Exception? reason) =>
        RetryRule.NeverSent(error, reason)
        || (error is ForwarderError.Request or ForwarderError.RequestTimedOut && RetryRule.IsRepeatable(context));

    private static Task MaintenanceAsync(Exchange exchange, ServiceModel service, Maintenance maintenance)
    {
        exchange.Refuse(service, Refusal.Maintenance);
        return Problem.UnavailableAsync(
            exchange.Context,
            maintenance.Message ?? $"Service '{service.Stored.Service}' is under maintenance.",
            maintenance.RetryAfter ?? Maintenance.DefaultRetryAfter);
    }

    /// <returns>Whether to choose again; else the client has its answer.</returns>
    private async ValueTask<bool> NotEnteredAsync(Exchange exchange, ServiceModel service, ServiceDocument document, Choice choice)
    {
        var name = service.Stored.Service;
        switch (choice.Kind)
        {
            case ChoiceKind.Full:
                return await patience.PlaceAsync(exchange, service, choice.Pool!, document.Traffic.Concurrency!);
            case ChoiceKind.Refused:
                exchange.Refuse(service, Refusal.Pass);
                await Problem.WriteAsync(
                    exchange.Context,
                    StatusCodes.Status403Forbidden,
                    $"The pass in {CandidatePass.Header} is not valid for service '{name}', or has ended.");
                return false;
            default:
                exchange.Refuse(service, Refusal.NoInstance);
                await Problem.UnavailableAsync(exchange.Context, $"Service '{name}' has no active instance at the moment.");
                return false;
        }
    }

    private static Task NoRouteAsync(HttpContext context, Snapshot snapshot) =>
        snapshot.Origin == SnapshotOrigin.None
            ? Problem.UnavailableAsync(context, "The proxy has not learned of any service yet: Consul could not be reached.")
            : Problem.WriteAsync(
                context, StatusCodes.Status404NotFound, $"No route leads to {context.Request.Host.Host}{context.Request.Path}.");

    [LoggerMessage("A request to {Service} at {Url} failed: {Error}: {Reason}")]
    private partial void ForwardingFailed(LogLevel level, string service, string url, ForwarderError error, string? reason);

    [LoggerMessage(LogLevel.Debug, "A request to {Service} goes to another instance than {Url}: {Reason}")]
    private partial void AskingAnother(string service, string url, string? reason);
}
