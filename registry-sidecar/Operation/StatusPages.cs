using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.WebUtilities;
using ServiceMesh.RegistrySidecar.Reconciliation;

namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>The answers of the status port but for the metrics.</summary>
internal sealed class StatusPages(SidecarStatus status, DocumentWatch documents)
{
    public Task HandleAsync(HttpContext context) => context.Request.Path.Value switch
    {
        "/healthz" => AnswerAsync(context, "healthy", status.Faults()),
        "/readyz" => AnswerAsync(context, "ready", status.Missing(documents.Current is not null)),
        _ => ProblemAsync(context, StatusCodes.Status404NotFound, "There are /healthz, /readyz and /metrics."),
    };

    private static Task AnswerAsync(HttpContext context, string good, IReadOnlyList<string> reasons) => reasons.Count == 0
        ? context.Response.WriteAsJsonAsync(new StatusAnswer(good), StatusJson.Default.StatusAnswer, contentType: null, context.RequestAborted)
        : ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, $"Not {good}: {string.Join("; ", reasons)}.");

    private static Task ProblemAsync(HttpContext context, int code, string detail)
    {
        context.Response.StatusCode = code;
        var problem = new ProblemDetails { Status = code, Title = ReasonPhrases.GetReasonPhrase(code), Detail = detail };
        return context.Response.WriteAsJsonAsync(
            problem, StatusJson.Default.ProblemDetails, "application/problem+json", context.RequestAborted);
    }
}

/// <summary>The answer when all is well.</summary>
internal sealed record StatusAnswer(string Status);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StatusAnswer))]
[JsonSerializable(typeof(ProblemDetails))]
internal sealed partial class StatusJson : JsonSerializerContext;
