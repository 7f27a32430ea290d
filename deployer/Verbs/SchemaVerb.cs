using System.CommandLine;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer schema</c></summary>
internal static class SchemaVerb
{
    private const string Resource = "service.schema.json";

    public static Command Create()
    {
        var command = new VerbCommand(
            "schema", "Prints the JSON schema of service.yaml, by which editors complete and check it.", "deployer schema > service.schema.json");
        command.SetAction((parse, ct) => PrintAsync(parse.InvocationConfiguration.Output, ct));
        return command;
    }

    private static async Task<int> PrintAsync(TextWriter output, CancellationToken ct)
    {
        using var text = new StreamReader(typeof(SchemaVerb).Assembly.GetManifestResourceStream(Resource)!);
        await output.WriteAsync((await text.ReadToEndAsync(ct)).AsMemory(), ct);
        return ToldCode.Of(output);
    }
}
