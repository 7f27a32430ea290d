using System.Security.Cryptography;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Reads the folder of certificates again and again; where a pair of files has become useless, the certificate that was there before stays.</summary>
internal sealed class CertificateFolder(string folder)
{
    private Dictionary<string, Pair> pairs = new(StringComparer.Ordinal);
    private HashSet<string> told = new(StringComparer.Ordinal);

    /// <summary>The usable certificates, by their files' names without the ending.</summary>
    public IReadOnlyDictionary<string, Certificate> Certificates { get; private set; } = new Dictionary<string, Certificate>(StringComparer.Ordinal);

    /// <summary>Reads the folder; the contents of the files, not their times, say what is new.</summary>
    /// <returns>Whether <see cref="Certificates"/> changed, and what is wrong now that was not at the last time.</returns>
    public (bool Changed, IReadOnlyList<string> Faults) Refresh()
    {
        var faults = ReadFolder().ToHashSet(StringComparer.Ordinal);
        var usable = pairs.Where(pair => pair.Value.Usable is not null).ToDictionary(pair => pair.Key, pair => pair.Value.Usable!, StringComparer.Ordinal);
        // An emptied folder is a mistake or a change half done: no reason to turn every client away.
        if (usable.Count == 0)
            faults.Add($"no usable certificate is in {Path.GetFullPath(folder)}: put name.crt and name.key there, both PEM (--certificates or PROXY_CERTIFICATES)");
        var now = usable.Count == 0 ? Certificates : usable;
        var changed = now.Count != Certificates.Count || now.Any(pair => !ReferenceEquals(pair.Value, Certificates.GetValueOrDefault(pair.Key)));
        Certificates = now;

        string[] fresh = [.. faults.Except(told, StringComparer.Ordinal)];
        told = faults;
        return (changed, fresh);
    }

    private string[] ReadFolder()
    {
        try
        {
            pairs = Directory.EnumerateFiles(folder, "*.crt").ToDictionary(
                file => Path.GetFileNameWithoutExtension(file),
                file => Pair.Read(file, Path.ChangeExtension(file, ".key"), pairs.GetValueOrDefault(Path.GetFileNameWithoutExtension(file))),
                StringComparer.Ordinal);
            return [.. pairs.Values.Select(pair => pair.Fault).OfType<string>()];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [error.Message];
        }
    }

    /// <summary>Two files as they were read last, and the newest certificate that could be made of them.</summary>
    private sealed record Pair(string Crt, string Key, Certificate? Usable, string? Fault)
    {
        public static Pair Read(string crtFile, string keyFile, Pair? earlier)
        {
            string crt = "", key = "";
            try
            {
                (crt, key) = (File.ReadAllText(crtFile), File.ReadAllText(keyFile));
                return earlier?.Crt == crt && earlier.Key == key ? earlier : new Pair(crt, key, Certificate.Parse(crt, key), Fault: null);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
            {
                return new Pair(crt, key, earlier?.Usable, $"{crtFile} with {Path.GetFileName(keyFile)} is not used: {error.Message}");
            }
        }
    }
}
