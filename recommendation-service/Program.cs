using RecommendationService;

await using WebApplication app = Api.Build(args);
await app.StartAsync();
Log.Started(app.Logger, Api.VersionOf(app.Configuration), string.Join(", ", app.Urls));

// On SIGTERM the host stops accepting connections and lets the requests in flight finish.
await app.WaitForShutdownAsync();
