using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>A file that the person names.</summary>
internal static class InputFile
{
    public static string Text(string path, string what, string mend)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DeliveryException(ExitCode.WrongInput, $"the {what} '{path}' cannot be read: {error.Message} {mend}", error);
        }
    }

    public static DeliveryException Invalid(string path, string what, IReadOnlyList<ManifestError> errors) => Faulty(path, $"{path} is no valid {what}", errors);

    public static DeliveryException Faulty(string path, string sentence, IReadOnlyList<ManifestError> errors) => new(
        ExitCode.WrongInput, $"{sentence}:\n" + string.Join('\n', errors.Select(error => $"  {path}:{error.Line}: {error.Message}")))
    {
        ManifestErrors = errors,
    };
}
