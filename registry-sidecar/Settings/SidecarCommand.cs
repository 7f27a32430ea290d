using System.CommandLine;

namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>The command line.</summary>
internal sealed class SidecarCommand
{
    private readonly Dictionary<string, Option<string?>> options =
        SidecarSettings.All.ToDictionary(setting => setting.Name, OptionFor, StringComparer.Ordinal);

    private readonly Option<bool> json = new("--json") { Description = "Print JSON instead of tables." };

    private readonly RootCommand root = new(
        "Registers the containers of a Docker host in Consul and keeps their stage tags equal to the services' documents.\n"
        + $"Each option is also an environment variable ({Setting.VariablePrefix}IP, {Setting.VariablePrefix}USE_IP_FROM_LABEL, …) "
        + $"and a key of the section {SettingsReader.Section} in appsettings.json; the command line wins.\n\n"
        + "Example:\n"
        + "  registry-sidecar --ip 192.0.2.10 --status-port 8001");

    private readonly Command list = new(
        "list",
        "Prints what would be registered of what runs now, and why the rest is left out. Writes nothing.\n"
        + "Takes the sidecar's own options, so that it decides as the sidecar does. Without Consul the stages are unknown.\n"
        + "Exit code 0, or 1 for a setting that is wrong and for a Docker that does not answer.\n\n"
        + "Examples:\n"
        + "  registry-sidecar list --ip 192.0.2.10\n"
        + "  docker exec registry-sidecar /app/registry-sidecar list --json");

    /// <param name="run">Starts the sidecar with what was given on the command line.</param>
    /// <param name="preview">Lists what the sidecar would do; <c>true</c> is for JSON.</param>
    public SidecarCommand(
        Func<CommandLineInput, CancellationToken, Task<int>> run, Func<CommandLineInput, bool, CancellationToken, Task<int>> preview)
    {
        foreach (var option in options.Values)
            root.Add(option);
        root.SetAction((parsed, ct) => run(InputOf(parsed), ct));
        list.Add(json);
        list.SetAction((parsed, ct) => preview(InputOf(parsed), parsed.GetValue(json), ct));
        root.Add(list);
    }

    public Task<int> InvokeAsync(string[] args, Func<CommandLineInput, int> refuse, TextWriter? output = null)
    {
        // A value that begins with @ is no file of arguments.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        return parsed.Errors.Count > 0
            ? Task.FromResult(refuse(InputOf(parsed)))
            // The host itself ends in order on SIGTERM and SIGINT.
            : parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, Output = output ?? Console.Out });
    }

    private static Option<string?> OptionFor(Setting setting) => new("--" + setting.Name)
    {
        Description = setting.Help,
        HelpName = setting.Argument ?? "true|false",
        Arity = setting.IsSwitch ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        Recursive = true,
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
