using System.Globalization;

// A service whose releases do well or badly, by their image's environment: the share of failures in percent, and a delay.
// Its health is good unless it has an illness to tell of: what else is wrong with it shows only under traffic.
var (failures, delay, illness) = (Number("FAILURES"), TimeSpan.FromMilliseconds(Number("DELAY_MS")), Environment.GetEnvironmentVariable("ILLNESS"));
// What is told of a release that does badly has it.
Console.WriteLine($"{Environment.GetEnvironmentVariable("VERSION")} began");
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://*:5000");
var app = builder.Build();
app.Run(async context =>
{
    // Behind whatever prefix: a route may leave it on.
    if (!(context.Request.Path.Value ?? "").EndsWith("/work", StringComparison.Ordinal))
    {
        context.Response.StatusCode = illness is null ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError;
        await context.Response.WriteAsync(illness ?? "well", context.RequestAborted);
        return;
    }

    if (delay > TimeSpan.Zero)
        await Task.Delay(delay, TimeProvider.System, context.RequestAborted);
    context.Response.StatusCode = Random.Shared.Next(100) < failures ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
    await context.Response.WriteAsync(Environment.GetEnvironmentVariable("VERSION") ?? "", context.RequestAborted);
});
await app.RunAsync();

static int Number(string name) =>
    int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
