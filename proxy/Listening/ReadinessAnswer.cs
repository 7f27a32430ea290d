using Microsoft.AspNetCore.Connections.Features;
using ServiceMesh.Proxy.Answers;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Tells the readiness: to whoever asks, and, once the proxy leaves, to the client of every connection.</summary>
internal static class ReadinessAnswer
{
    /// <summary>No service can have this name.</summary>
    public const string Path = Route.Reserved + "/-/readyz";

    public static void UseReadiness(this IApplicationBuilder app)
    {
        var readiness = app.ApplicationServices.GetRequiredService<Readiness>();
        var notReady = app.ApplicationServices.GetRequiredService<NotReady>();
        app.Use((context, next) =>
        {
            // Connection: close by HTTP/1.1, GOAWAY by HTTP/2. A connection that is cut instead may have a request on its way.
            if (readiness.IsLeaving)
                context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            return next(context);
        });
        app.Map(Path, own => own.Run(context => notReady.Reason is { } reason
            ? Problem.UnavailableAsync(context, $"{char.ToUpperInvariant(reason[0])}{reason[1..]}.")
            : context.Response.WriteAsync("ready\n", context.RequestAborted)));
    }
}
