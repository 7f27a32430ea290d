using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Traffic.Transforming;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Sends a request that came without TLS to the same address with it.</summary>
internal static class RedirectToHttps
{
    private const int HttpsPort = 443;

    public static void UseRedirectToHttps(this IApplicationBuilder app)
    {
        var options = app.ApplicationServices.GetRequiredService<IOptions<ListeningOptions>>().Value;
        if (!options.RedirectToHttps)
            return;
        var port = options.PublicHttpsPort ?? options.HttpsPort!.Value;
        var trusted = app.ApplicationServices.GetRequiredService<TrustedProxies>();
        app.Use((context, next) =>
        {
            // HTTP/2 without TLS is only spoken on the port that was opened for it on purpose. A tunnel, and OPTIONS *, have no address to go to.
            if (HttpProtocol.IsHttp2(context.Request.Protocol) || !context.Request.Path.HasValue || trusted.CameWithTls(context))
                return next(context);
            if (!context.Request.Host.HasValue)
            {
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
                return Task.CompletedTask;
            }

            // 308 and not 301: the method and the body stay what they were (RFC 9110 15.4.9).
            context.Response.StatusCode = StatusCodes.Status308PermanentRedirect;
            context.Response.Headers.Location = Target(context.Request, port);
            return Task.CompletedTask;
        });
    }

    /// <summary>The same address on the HTTPS port, which is not named where it is the usual one.</summary>
    private static string Target(HttpRequest request, int port)
    {
        var host = port == HttpsPort ? new HostString(request.Host.Host) : new HostString(request.Host.Host, port);
        // As it was sent, if it was sent as a path: decoded and encoded again it could mean something else.
        return request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget is ['/', ..] raw
            ? $"https://{host.ToUriComponent()}{raw}"
            : UriHelper.BuildAbsolute("https", host, request.PathBase, request.Path, request.QueryString);
    }
}
