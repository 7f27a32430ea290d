using Consul;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ServiceMesh.RegistrySidecar;
using ServiceMesh.RegistrySidecar.DryRun;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Settings;

// What Docker and Consul say is taken in where it arrives. .NET's detour over the thread pool is a good part of the way from
// an event to the catalog. It looks at the variable once, before its first socket.
const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
Environment.SetEnvironmentVariable(InlineCompletions, Environment.GetEnvironmentVariable(InlineCompletions) ?? "1");

return await new SidecarCommand(
        (input, ct) => WithSettingsAsync(input, settings => RunAsync(settings, ct)),
        (input, json, ct) => WithSettingsAsync(input, settings => ListVerb.RunAsync(settings.Options, json, Console.Out, ct)))
    .InvokeAsync(args, input => Refuse(SettingsReader.Read(input).Errors));

static async Task<int> WithSettingsAsync(CommandLineInput input, Func<SidecarSettingsRead, Task<int>> verb)
{
    var settings = SettingsReader.Read(input);
    if (settings.Errors.Count > 0)
        return Refuse(settings.Errors);
    // The option beats it, however wrong it is.
    if (settings.Options.ConsulAddress is not null)
        Environment.SetEnvironmentVariable(OthersVariables.ConsulAddress, value: null);

    try
    {
        return await verb(settings);
    }
    catch (Exception error) when (error is ConsulConfigurationException or ConsulAwayException or StatusPortException or PreviewException)
    {
        return Refuse([error.Message]);
    }
}

static async Task<int> RunAsync(SidecarSettingsRead settings, CancellationToken ct)
{
    using var sidecar = SidecarHost.Build(settings.Options, settings.File);
    // Now: at its end the host disposes of everything.
    var workers = sidecar.Services.GetServices<IHostedService>().OfType<BackgroundService>().ToArray();
    try
    {
        if (await ConsulAtStart.AnswersAsync(sidecar.Services.GetRequiredService<IConsulClient>(), settings.Options.RetryAttempts, ct))
            await sidecar.RunAsync(ct);
    }
    catch (OperationCanceledException)
    {
        Console.Error.WriteLine("The end took too long; what is still registered is removed or taken over by the next start.");
    }

    // A worker that crashed ended the host; the log tells which.
    return workers.Any(worker => worker.ExecuteTask is { IsFaulted: true }) ? 1 : 0;
}

static int Refuse(IEnumerable<string> errors)
{
    foreach (var error in errors)
        Console.Error.WriteLine(error);
    return 1;
}
