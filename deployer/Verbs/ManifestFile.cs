using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>The manifest on the CI host's disk.</summary>
internal static class ManifestFile
{
    public static ServiceManifest Read(string path)
    {
        var result = ManifestReader.Read(Text(path), Environment.GetEnvironmentVariable);
        return result.Manifest ?? throw new DeliveryException(
            ExitCode.WrongInput,
            $"{path} is no valid manifest:\n" + string.Join('\n', result.Errors.Select(error => $"  {path}:{error.Line}: {error.Message}")))
        {
            ManifestErrors = result.Errors,
        };
    }

    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DeliveryException(ExitCode.WrongInput, $"the manifest '{path}' cannot be read: {error.Message} Name the service's service.yaml.", error);
        }
    }
}
