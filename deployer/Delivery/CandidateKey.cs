using System.Security.Cryptography;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The key with which this user's deployer signs candidate passes; made when it is first needed, and readable by this user only.</summary>
internal static class CandidateKey
{
    private const string Variable = "MESH_CANDIDATE_KEY";

    public static ECDsa OfThisUser()
    {
        var path = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "servicemesh", "candidate-key.pem");
        try
        {
            if (!File.Exists(path))
                Create(path);
            var key = ECDsa.Create();
            key.ImportFromPem(File.ReadAllText(path));
            return key;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or CryptographicException)
        {
            throw new DeliveryException(ExitCode.WrongInput, $"the key for candidate passes, {path}, cannot be used: {error.Message} Name another file with {Variable}.", error);
        }
    }

    private static void Create(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var draft = $"{path}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new StreamWriter(draft, options))
            file.Write(key.ExportPkcs8PrivateKeyPem());
        try
        {
            // Whole or not at all; of two deployers at once, the first one's stays.
            File.Move(draft, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(draft);
        }
    }
}
