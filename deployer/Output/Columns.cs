using Spectre.Console;
using Spectre.Console.Rendering;

namespace ServiceMesh.Deployer.Output;

/// <summary>A table: aligned columns in a log, a drawn table on a terminal. A row is a line, whoever wrote what is in it.</summary>
internal sealed record Columns(IReadOnlyList<string> Heads, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    public IReadOnlyList<IReadOnlyList<string>> Rows { get; } = [.. Rows.Select(row => (string[])[.. row.Select(ForeignText.CleanedLine)])];

    /// <summary>What is to be done with the table, on a line of its own that can be copied; <c>null</c> for nothing.</summary>
    public string? Next { get; init; }

    /// <summary>The table as lines of text; the last column is not padded.</summary>
    public IEnumerable<string> Lines()
    {
        var widths = Heads.Select((head, column) => Rows.Select(row => row[column].Length).Append(head.Length).Max()).ToArray();
        return Rows.Prepend(Heads).Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd())
            .Concat(Next is null ? [] : [Next]);
    }

    public void Draw(IAnsiConsole console)
    {
        console.Write(Drawn());
        // Not the console's own way, which breaks lines.
        if (Next is not null)
            console.Profile.Out.Writer.WriteLine(Next);
    }

    /// <summary>The table and its line as one, to be drawn over by the next.</summary>
    public IRenderable Redrawn() => Next is null ? Drawn() : new Spectre.Console.Rows(Drawn(), new Text(Next));

    private Table Drawn()
    {
        var table = new Table().Border(TableBorder.Simple);
        // Only the last column has sentences: they wrap rather than end at the terminal's edge.
        foreach (var (i, head) in Heads.Index())
            table.AddColumn(new TableColumn(Markup.Escape(head)) { NoWrap = i < Heads.Count - 1 });
        foreach (var row in Rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        return table;
    }
}
