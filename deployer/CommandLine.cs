using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using ServiceMesh.Deployer.Verbs;

namespace ServiceMesh.Deployer;

/// <summary>All that can be said to the deployer.</summary>
internal static class CommandLine
{
    public static async Task<int> InvokeAsync(string[] args, TextWriter output, TextWriter error, CancellationToken ct)
    {
        // An argument that begins with @ is no file of arguments.
        var parsed = Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        var wrongUse = parsed.Action as ParseErrorAction;
        if (wrongUse is not null)
        {
            if (parsed.GetResult(MeshOptions.Json) is { Implicit: false })
                return VerbRunner.WrongUse(parsed.Errors.Select(fault => fault.Message).Append(Help(parsed)), output, error);
            // It is told in a line; the help is there for whoever asks.
            wrongUse.ShowHelp = false;
        }

        // Signals are Program's matter, and a bug is to crash.
        var configuration = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        var code = await parsed.InvokeAsync(configuration, ct);
        if (wrongUse is not null)
            await error.WriteLineAsync(Help(parsed));
        return code;
    }

    // The verb as far as it was understood.
    private static string Help(ParseResult parsed)
    {
        List<string> verbs = [];
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: not RootCommand and var command }; at = at.Parent)
            verbs.Insert(0, command.Name + " ");
        return $"See 'deployer {string.Concat(verbs)}--help'.";
    }

    public static RootCommand Root()
    {
        var root = new RootCommand("Brings releases into production: tested before they serve, promoted by one transaction, undone on any failure.")
        {
            PlanVerb.Create(),
            DeployVerb.Create(),
            PromoteVerb.Create(),
            RollbackVerb.Create(),
            ScaleVerb.Create(),
            SplitVerb.Create(),
            AbortVerb.Create(),
            PauseVerb.Create(),
            ResumeVerb.Create(),
            MaintenanceVerb.Create(),
            StatusVerb.Create(),
            LogsVerb.Create(),
            HistoryVerb.Create(),
            LockVerb.Create(),
            ValidateVerb.Create(),
            InitVerb.Create(),
            SchemaVerb.Create(),
            CompletionVerb.Create(),
        };
        foreach (var option in MeshOptions.All)
            root.Add(option);
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }
}
