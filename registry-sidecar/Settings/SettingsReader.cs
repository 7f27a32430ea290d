using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using ServiceMesh.RegistrySidecar.Operation;

namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>Reads the settings: the command line beats the environment, which beats the configuration file.</summary>
internal static class SettingsReader
{
    public const string Section = "Sidecar";

    private const string Logging = "Logging";
    private const string FileName = "appsettings.json";

    /// <summary>Reads all sources there are.</summary>
    public static SidecarSettingsRead Read(CommandLineInput commandLine)
    {
        var read = ReadOwn(commandLine);
        return read with { Errors = [.. read.Errors, .. OthersVariables.Faults(read.Options)] };
    }

    public static SidecarSettingsRead Read(CommandLineInput commandLine, IConfiguration environment, IConfiguration file)
    {
        var errors = new List<string>(commandLine.Errors);
        var values = new Dictionary<Setting, (string Text, string Origin)>();
        foreach (var section in ((string[])[Section, Logging]).Where(section => file[section] is not null))
            errors.Add($"{section} in {FileName} must be a section: {{ … }}.");
        var levels = LevelFaults(file).ToList();
        errors.AddRange(levels);
        Collect(file.GetSection(Section), key => $"{Section}:{key} in {FileName}", errors, values);
        Collect(environment, key => Setting.VariablePrefix + key, errors, values);
        foreach (var (name, text) in commandLine.Values)
            values[SidecarSettings.All.First(setting => setting.Name == name)] = (text, "--" + name);

        var options = new SidecarOptions();
        foreach (var (setting, (text, origin)) in values.OrderBy(value => value.Key.Name, StringComparer.Ordinal))
        {
            var applied = text.Length == 0 ? "it is empty; leave it out or give a value" : setting.Apply(options, text);
            if (applied.Options is { } next)
                options = next;
            else
                errors.Add($"{origin} cannot be '{ForeignText.Shown(text, 100)}': {applied.Mend}.");
        }

        if (levels.Count == 0 && SidecarConsole.FaultOf(options.LogFormat, file) is { } fault)
            errors.Add($"The section {Logging} in {FileName} cannot be used: {fault}");
        return new SidecarSettingsRead(options, errors, file);
    }

    private static SidecarSettingsRead ReadOwn(CommandLineInput commandLine)
    {
        var environment = new ConfigurationBuilder().AddEnvironmentVariables(Setting.VariablePrefix).Build();
        try
        {
            var file = new ConfigurationBuilder().SetBasePath(AppContext.BaseDirectory).AddJsonFile(FileName, optional: true).Build();
            return Read(commandLine, environment, file);
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            var unreadable = $"{FileName} cannot be read: {error.GetBaseException().Message}";
            var rest = Read(commandLine, environment, new ConfigurationBuilder().Build());
            return rest with { Errors = [unreadable, .. rest.Errors] };
        }
    }

    // What .NET's own reader would stop the start for.
    private static IEnumerable<string> LevelFaults(IConfiguration file) =>
        from level in file.GetSection(Logging).AsEnumerable()
        where level.Key.Contains(":LogLevel:", StringComparison.OrdinalIgnoreCase)
            && level.Value is { Length: > 0 }
            && !Enum.TryParse<LogLevel>(level.Value, ignoreCase: true, out _)
        select $"{level.Key} in {FileName} cannot be '{ForeignText.Shown(level.Value!, 100)}': give {string.Join(", ", Enum.GetNames<LogLevel>())}.";

    private static void Collect(
        IConfiguration source, Func<string, string> origin, List<string> errors, Dictionary<Setting, (string Text, string Origin)> values)
    {
        foreach (var entry in source.GetChildren())
        {
            if (SidecarSettings.All.FirstOrDefault(setting => setting.IsCalled(entry.Key)) is not { } known)
                errors.Add($"{origin(entry.Key)} is no setting; --help lists them all.");
            else if (entry.Value is not { } text)
                errors.Add($"{origin(entry.Key)} must be a single value.");
            else
                values[known] = (text, origin(entry.Key));
        }
    }
}

/// <summary>What was read.</summary>
/// <param name="Options">The options; they hold only if there is no error.</param>
/// <param name="Errors">Every error there is, one sentence each.</param>
/// <param name="File">The configuration file, for the logging.</param>
internal sealed record SidecarSettingsRead(SidecarOptions Options, IReadOnlyList<string> Errors, IConfiguration File);
