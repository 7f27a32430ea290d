using System.Text.Json.Serialization;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Admin;

/// <summary>The answers of the admin port. It leads nowhere else: no request to it reaches a service.</summary>
internal sealed class AdminPages(
    AdminGate gate, NotReady notReady, StateAnswer state, MetricsAnswer metrics, ServicesAnswer services, MeshFollower follower)
{
    public Task HandleAsync(HttpContext context)
    {
        var path = context.Request.Path;
        // These two say yes or no to whoever balances the load, which has no token.
        if (path == "/healthz")
            return GetAsync(context, ok => WriteAsync(ok, "healthy"));
        if (path == "/readyz")
            return GetAsync(context, ReadyAsync);
        if (!gate.IsOpenFor(context.Request))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            return Problem.WriteAsync(context, StatusCodes.Status401Unauthorized, "Bring the admin token: Authorization: Bearer <token>.");
        }

        if (path == "/metrics")
            return GetAsync(context, metrics.HandleAsync);
        if (path == "/state")
            return GetAsync(context, state.HandleAsync);
        if (path == "/loss/confirm")
            return ConfirmAsync(context);
        if (path.StartsWithSegments(Route.Reserved, StringComparison.Ordinal, out var rest))
        {
            context.Request.Path = rest;
            return services.HandleAsync(context);
        }

        return Problem.WriteAsync(
            context, StatusCodes.Status404NotFound, "There are /healthz, /readyz, /metrics, /state, /services, /services/<name> and /loss/confirm.");
    }

    private Task ReadyAsync(HttpContext context) => notReady.Reason is { } reason
        ? Problem.UnavailableAsync(context, $"Not ready: {reason}.")
        : WriteAsync(context, "ready");

    private Task ConfirmAsync(HttpContext context)
    {
        if (HttpMethods.IsPost(context.Request.Method))
        {
            return context.Response.WriteAsJsonAsync(
                new LossAnswer([.. follower.ConfirmLoss().Order(StringComparer.Ordinal)]), StatusJson.Default.LossAnswer, cancellationToken: context.RequestAborted);
        }

        context.Response.Headers.Allow = HttpMethods.Post;
        return Problem.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "A loss is confirmed with POST.");
    }

    private static Task GetAsync(HttpContext context, Func<HttpContext, Task> answer)
    {
        if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
            return answer(context);
        context.Response.Headers.Allow = HttpMethods.Get;
        return Problem.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "This can only be read, with GET.");
    }

    private static Task WriteAsync(HttpContext context, string status) =>
        context.Response.WriteAsJsonAsync(new StatusAnswer(status), StatusJson.Default.StatusAnswer, cancellationToken: context.RequestAborted);
}

/// <summary>The answer when all is well.</summary>
internal sealed record StatusAnswer(string Status);

/// <summary>The answer to a confirmed loss.</summary>
/// <param name="GivenUp">The services that are lost by it; none where no loss was held back.</param>
internal sealed record LossAnswer(IReadOnlyList<string> GivenUp);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LossAnswer))]
[JsonSerializable(typeof(StatusAnswer))]
internal sealed partial class StatusJson : JsonSerializerContext;
