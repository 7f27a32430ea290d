using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using ServiceMesh.Deployer.Verbs;

namespace ServiceMesh.Deployer;

/// <summary>All that can be said to the deployer.</summary>
internal static class CommandLine
{
    public static Task<int> InvokeAsync(string[] args, TextWriter output, TextWriter error, CancellationToken ct)
    {
        var parsed = Root().Parse(args);
        if (parsed.Action is ParseErrorAction wrongUse)
        {
            if (parsed.GetResult(MeshOptions.Json) is { Implicit: false })
                return Task.FromResult(VerbRunner.WrongUse(parsed.Errors.Select(fault => fault.Message), output, error));
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
        return parsed.InvokeAsync(configuration, ct);
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
