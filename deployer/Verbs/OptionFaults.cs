using System.CommandLine;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>The document's own rules, told of the options from which its values come, before anything is locked.</summary>
internal static class OptionFaults
{
    /// <param name="faults">Sentences that begin with a value's name in the document.</param>
    /// <param name="options">Those names, and the options in whose place they stand.</param>
    public static void Refuse(IEnumerable<string> faults, params (string Name, Option Option)[] options)
    {
        if (faults.FirstOrDefault() is { } fault)
            throw new DeliveryException(ExitCode.WrongInput, options.Aggregate(fault, (sentence, at) => sentence.Replace(at.Name, at.Option.Name, StringComparison.Ordinal)));
    }
}
