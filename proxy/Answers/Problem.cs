using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.WebUtilities;

namespace ServiceMesh.Proxy.Answers;

/// <summary>The proxy's own errors, as <c>application/problem+json</c> (RFC 9457).</summary>
internal static class Problem
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    public static Task UnavailableAsync(HttpContext context, string detail, TimeSpan? retryAfter = null)
    {
        context.Response.Headers.RetryAfter = Math.Ceiling((retryAfter ?? RetryAfter).TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return WriteAsync(context, StatusCodes.Status503ServiceUnavailable, detail);
    }

    public static Task WriteAsync(HttpContext context, int status, string detail)
    {
        context.Response.StatusCode = status;
        var problem = new ProblemDetails { Status = status, Title = ReasonPhrases.GetReasonPhrase(status), Detail = detail };
        return context.Response.WriteAsJsonAsync(
            problem, ProblemJson.Default.ProblemDetails, "application/problem+json", context.RequestAborted);
    }
}

[JsonSerializable(typeof(ProblemDetails))]
internal sealed partial class ProblemJson : JsonSerializerContext;
