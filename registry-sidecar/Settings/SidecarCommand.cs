using System.CommandLine;

namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>The command line.</summary>
internal sealed class SidecarCommand
{
    private readonly Dictionary<string, Option<string?>> options =
        SidecarSettings.All.ToDictionary(setting => setting.Name, OptionFor, StringComparer.Ordinal);

    private readonly RootCommand root = new(
        "Registers the containers of a Docker host in Consul and keeps their stage tags equal to the services' documents.\n"
        + $"Each option is also an environment variable ({Setting.VariablePrefix}IP, {Setting.VariablePrefix}USE_IP_FROM_LABEL, …) "
        + $"and a key of the section {SettingsReader.Section} in appsettings.json; the command line wins.");

    /// <param name="run">Starts the sidecar with what was given on the command line.</param>
    public SidecarCommand(Func<CommandLineInput, CancellationToken, Task<int>> run)
    {
        foreach (var option in options.Values)
            root.Add(option);
        root.SetAction((parsed, ct) => run(InputOf(parsed), ct));
    }

    public Task<int> InvokeAsync(string[] args, Func<CommandLineInput, int> refuse)
    {
        var parsed = root.Parse(args);
        return parsed.Errors.Count > 0
            ? Task.FromResult(refuse(InputOf(parsed)))
            // The host itself ends in order on SIGTERM and SIGINT.
            : parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    private static Option<string?> OptionFor(Setting setting) => new("--" + setting.Name)
    {
        Description = setting.Help,
        HelpName = setting.Argument ?? "true|false",
        Arity = setting.IsSwitch ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
    };

    private CommandLineInput InputOf(ParseResult parsed)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, option) in options)
        {
            // A switch alone means on.
            if (parsed.GetResult(option) is { Errors: var errors } result && !errors.Any())
                values[name] = result.Tokens is [var token, ..] ? token.Value : "true";
        }

        return new CommandLineInput(values, [.. parsed.Errors.Select(error => $"{error.Message} --help lists all options.")]);
    }
}

/// <summary>What was given on the command line, and what of it is wrong.</summary>
internal sealed record CommandLineInput(IReadOnlyDictionary<string, string> Values, IReadOnlyList<string> Errors);
