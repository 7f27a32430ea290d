namespace RecommendationService;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "recommendation-service {Version} listens on {Addresses}")]
    public static partial void Started(ILogger logger, string version, string addresses);
}
