namespace ServiceMesh.Deployer.Manifest;

/// <summary>Where the value of a secret stands on the CI host.</summary>
/// <param name="Name">The environment variable by which the container gets it.</param>
/// <param name="Variable">The CI host's environment variable; <c>null</c> for a file.</param>
/// <param name="File">The CI host's file; <c>null</c> for a variable.</param>
internal sealed record SecretSource(string Name, string? Variable, string? File)
{
    /// <summary>Where the manifest names it, which makes it no other one.</summary>
    public int Line { get; init; }

    public bool Equals(SecretSource? other) => other is not null && (Name, Variable, File) == (other.Name, other.Variable, other.File);

    public override int GetHashCode() => HashCode.Combine(Name, Variable, File);
}

/// <summary>Reads the <c>secrets</c> of a manifest or of a suite: names and where their values stand, never the values.</summary>
internal static class SecretReader
{
    private static readonly string[] Keys = ["env", "file"];

    public static IReadOnlyList<SecretSource> Read(Section section, IReadOnlyDictionary<string, string> environment)
    {
        var sources = new List<SecretSource>();
        foreach (var (name, source, line) in section.Named("secrets", Keys, NameFault))
        {
            if (source is null)
                sources.Add(new SecretSource(name, Variable: name, File: null) { Line = line });
            else if (source.Has("env") == source.Has("file"))
                source.Fault("env", "choose one of env and file; without both it is the environment variable of the same name");
            else if (source.Has("env"))
                sources.Add(new SecretSource(name, source.Required("env", "the environment variable of the CI host"), File: null) { Line = line });
            else
                sources.Add(new SecretSource(name, Variable: null, source.Required("file", "the file of the CI host")) { Line = line });
        }

        return sources;

        // The container's label parts them by commas.
        string? NameFault(string name) =>
            Section.VariableFault(name) ?? (name.Contains(',') ? $"'{name}' has a comma, which no name of a secret may have"
            : environment.ContainsKey(name) ? $"'{name}' is in environment too: which of both?"
            : null);
    }
}
