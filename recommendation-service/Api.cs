using Microsoft.AspNetCore.Http.HttpResults;

namespace RecommendationService;

/// <summary>The service's HTTP face, whole: what runs in production is what the tests start.</summary>
internal static class Api
{
    public static WebApplication Build(string[] args)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
        // One line a start, none a request: the proxy in front knows what was asked and answered.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.AddProblemDetails();
        builder.Services.ConfigureHttpJsonOptions(options =>
            options.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default));

        WebApplication app = builder.Build();
        string version = VersionOf(app.Configuration);
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.MapGet("/health", () => new HealthResponse("ok"));
        app.MapGet("/version", () => new VersionResponse(version));
        app.MapGet("/{userId?}", Recommend);
        return app;
    }

    public static string VersionOf(IConfiguration configuration) =>
        configuration["VERSION"] is { Length: > 0 } version ? version : "dev";

    private static Results<Ok<Recommendation>, ProblemHttpResult> Recommend(string? userId) =>
        UserId.TryParse(userId, out UserId user)
            ? TypedResults.Ok(Recommender.Recommend(user, Random.Shared))
            : TypedResults.Problem(
                title: "The user id is not valid.",
                detail: $"'{userId}' is not a user id. Give a whole number from 1 to {long.MaxValue}, for example /1.",
                statusCode: StatusCodes.Status400BadRequest);
}
