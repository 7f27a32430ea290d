namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>One setting: how it is spelled, what it means, and how its text becomes an option.</summary>
/// <param name="Name">As on the command line, without the dashes: <c>use-ip-from-label</c>.</param>
/// <param name="Argument">What stands for the value in the help; <c>null</c> for a switch.</param>
/// <param name="Help">One line.</param>
/// <param name="Apply">The options with the value in them, or a sentence that says what would be right.</param>
internal sealed record Setting(string Name, string? Argument, string Help, Func<SidecarOptions, string, Applied> Apply)
{
    public bool IsSwitch => Argument is null;

    /// <summary>The environment variable.</summary>
    public string Variable => VariablePrefix + Name.Replace('-', '_').ToUpperInvariant();

    public const string VariablePrefix = "SIDECAR_";

    /// <summary>Whether a key of a configuration file or the rest of a variable's name means this setting.</summary>
    public bool IsCalled(string key) =>
        key.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal)
            .Equals(Name.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
}

/// <summary>The options after a value was applied, or what is wrong with the value.</summary>
internal sealed record Applied(SidecarOptions? Options, string? Mend)
{
    public static implicit operator Applied(SidecarOptions options) => new(options, null);

    public static implicit operator Applied(string mend) => new(null, mend);
}
