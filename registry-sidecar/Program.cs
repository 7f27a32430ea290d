using Consul;
using Microsoft.Extensions.Hosting;
using ServiceMesh.RegistrySidecar;
using ServiceMesh.RegistrySidecar.Settings;

return await new SidecarCommand(RunAsync).InvokeAsync(args, input => Refuse(SettingsReader.Read(input).Errors));

static async Task<int> RunAsync(CommandLineInput input, CancellationToken ct)
{
    var settings = SettingsReader.Read(input);
    if (settings.Errors.Count > 0)
        return Refuse(settings.Errors);

    try
    {
        using var sidecar = SidecarHost.Build(settings.Options, settings.File);
        await sidecar.RunAsync(ct);
        return 0;
    }
    catch (ConsulConfigurationException error)
    {
        return Refuse([error.Message]);
    }
}

static int Refuse(IEnumerable<string> errors)
{
    foreach (var error in errors)
        Console.Error.WriteLine(error);
    return 1;
}
