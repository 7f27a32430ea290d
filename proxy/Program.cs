using Microsoft.Extensions.Options;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Listening;

// What clients and instances send is taken in where it arrives. .NET's detour over the thread pool is a good part of what a
// request costs here. It looks at the variable once, before its first socket.
const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
Environment.SetEnvironmentVariable(InlineCompletions, Environment.GetEnvironmentVariable(InlineCompletions) ?? "1");

using var secondSignal = new SecondSignal();
return await ProxyCommand.RunAsync(args, async settings =>
{
    try
    {
        await using var app = ProxyApplication.Build(settings);
        var loops = app.Services.GetServices<IHostedService>().OfType<BackgroundService>().ToArray();
        await app.RunAsync();
        // The host stops when a loop fails, and logs why; that is no sound end.
        return loops.Any(loop => loop.ExecuteTask is { IsFaulted: true }) ? 1 : Environment.ExitCode;
    }
    catch (OperationCanceledException)
    {
        // Stopped while it was starting.
        return Environment.ExitCode;
    }
    catch (OptionsValidationException error)
    {
        await TellAsync(error.Failures);
    }
    catch (AggregateException error) when (error.InnerExceptions.All(one => one is OptionsValidationException))
    {
        // Settings of several kinds are wrong at once.
        await TellAsync(error.InnerExceptions.Cast<OptionsValidationException>().SelectMany(one => one.Failures).Distinct(StringComparer.Ordinal));
    }
    catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidOperationException)
    {
        // A taken port, a setting of the wrong kind: the message names it.
        await Console.Error.WriteLineAsync($"proxy: {error.Message}");
    }

    return 1;
});

static async Task TellAsync(IEnumerable<string> faults)
{
    foreach (var fault in faults)
        await Console.Error.WriteLineAsync($"proxy: {fault}");
}
