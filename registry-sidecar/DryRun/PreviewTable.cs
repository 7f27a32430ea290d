using Spectre.Console;

namespace ServiceMesh.RegistrySidecar.DryRun;

/// <summary>A preview for people: drawn tables on a terminal, aligned columns without line breaks in a pipe.</summary>
internal sealed class PreviewTable
{
    private const int LongestCell = 200;
    private const int NoWrapping = 10_000;

    private readonly IAnsiConsole console;
    private readonly bool isTerminal;

    public PreviewTable(TextWriter output, bool isTerminal)
    {
        this.isTerminal = isTerminal;
        console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        if (!isTerminal)
            console.Profile.Width = NoWrapping;
    }

    public void Show(Preview preview)
    {
        Say($"Node {preview.Node}, mesh {preview.Environment}: {preview.Instances.Count} to be registered.");
        if (preview.ConsulFault is { } fault)
            Say($"Consul tells nothing, so stages, and addresses without --ip, are unknown: {fault}");
        Draw(["STATE", "SERVICE", "ID", "ADDRESS", "STAGE", "TAGS", "CHECKS"], preview.Instances.Select(Cells));
        Draw(["LEFT OUT", "WHY"], preview.LeftOut.Select(Cells));
        Draw(["CONTAINER", "WARNING"], preview.Warnings.Select(Cells));
        Draw(["CONFLICT"], preview.Conflicts.Select(conflict => new[] { conflict }));
    }

    private static string[] Cells(PreviewedInstance instance) =>
    [
        instance.State,
        instance.Service,
        instance.Id,
        $"{instance.Address ?? Preview.Unknown}:{instance.Port}",
        instance.Stage ?? Preview.Unknown,
        Listed(instance.Tags),
        Listed(instance.Checks),
    ];

    private static string[] Cells(PreviewedRemark remark) => [remark.Container, remark.Text];

    // An empty cell would shift the columns for whoever splits at spaces.
    private static string Listed(IReadOnlyList<string> items) => items.Count == 0 ? "-" : string.Join(", ", items);

    private void Draw(string[] heads, IEnumerable<string[]> rows)
    {
        var cells = rows.ToList();
        if (cells.Count == 0)
            return;
        var table = new Table().Border(isTerminal ? TableBorder.Simple : TableBorder.None);
        foreach (var head in heads)
            table.AddColumn(new TableColumn(head) { NoWrap = !isTerminal });
        foreach (var row in cells)
            table.AddRow([.. row.Select(cell => Markup.Escape(ForeignText.Shown(cell, LongestCell)))]);
        console.WriteLine();
        console.Write(table);
    }

    private void Say(string text) => console.WriteLine(ForeignText.Shown(text, LongestCell));
}
