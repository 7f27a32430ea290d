using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>A verb with an example for its help.</summary>
internal sealed class VerbCommand(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>The usual help, followed by the verb's examples and the exit codes.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        usual.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is VerbCommand verb)
        {
            output.WriteLine("Examples:");
            foreach (var example in verb.Examples)
                output.WriteLine($"  {example}");
            output.WriteLine();
        }

        output.WriteLine(ExitCodes.Help);
        return (int)ExitCode.Done;
    }
}
