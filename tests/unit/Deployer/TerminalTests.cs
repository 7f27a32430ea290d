using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Output;
using Spectre.Console;
using Spectre.Console.Testing;
using Xunit;
using Columns = ServiceMesh.Deployer.Output.Columns;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>What a person's terminal gets.</summary>
public sealed class TerminalTests : IDisposable
{
    // What would clear a screen, colour it, name its window, or write over a line; by ESC and by its one-character form.
    private const string Hostile = "a\u001b[2J\u001b[31mb\u001b]0;title\u0007\u009b2J\rc\u0085\u007f";
    private const string Harmless = "ab0;title2Jc";

    private readonly FakeTimeProvider time = new();
    private readonly TestConsole console = new TestConsole().Width(100).Interactive().EmitAnsiSequences().Colors(ColorSystem.NoColors);

    public void Dispose() => console.Dispose();

    [Fact]
    public async Task Narrator_WhatOthersWrote_DoesNothingToATerminalOrALog()
    {
        var log = new StringWriter();
        await TellAsync(new PlainNarrator(log, time));
        await TellAsync(new TerminalNarrator(console, time));

        Assert.DoesNotContain(log.ToString(), c => char.IsControl(c) && c != '\n');
        Assert.Equal(6, log.ToString().Split(Harmless).Length - 1);
        // Its own way to the line's beginning is all that is left.
        var drawn = console.Output.Replace("\r\u001b[K", "", StringComparison.Ordinal);
        Assert.DoesNotContain(drawn, c => char.IsControl(c) && c != '\n');
        Assert.Equal(6, drawn.Split(Harmless).Length - 1);

        async Task TellAsync(Narrator narrator)
        {
            narrator.Say(Hostile);
            narrator.Warn(Hostile);
            narrator.Relay(Hostile);
            await narrator.PhaseAsync("pull", () => Task.FromResult((0, Hostile)));
            narrator.Fail(Hostile, [Hostile]);
        }
    }

    // As a terminal that is gone, or a disk that is full.
    [Fact]
    public async Task Narrator_WhatItWritesToFails_GoesOnAndIsSilent()
    {
        var gone = new GoneWriter();
        var output = new BestEffortWriter(gone);
        var terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });

        foreach (var narrator in (Narrator[])[new PlainNarrator(output, time), new TerminalNarrator(terminal, time)])
        {
            Assert.Equal(7, await narrator.PhaseAsync("revert", () => Task.FromResult((7, "it has all of the traffic"))));
            narrator.Warn("careful");
            narrator.Fail("interrupted", ["a line"]);
        }

        Assert.Equal(1, gone.Writes);
        var untold = Assert.Throws<DeliveryException>(new Screen(output, TextWriter.Null, json: false, terminal: null, time).EnsureTold);
        Assert.EndsWith(". Make room for it, or have it written elsewhere, then run this again.", untold.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_WhatOthersWrote_StaysInItsCell()
    {
        var table = new Columns(["VERSION"], [[Hostile + "\nv9\tactive"]]);

        Assert.Equal(["VERSION", Harmless + " v9 active"], table.Lines());
        table.Draw(console);
        Assert.Contains(Harmless + " v9 active", console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Print_ALineOfALog_DoesNothingToATerminal()
    {
        var output = new StringWriter();

        new Screen(output, output, json: false, terminal: null, time).Print("", json => throw new InvalidOperationException("no JSON was asked for"), Hostile);

        Assert.Equal(Harmless + "\n", output.ToString());
    }

    [Fact]
    public async Task PhaseAsync_OnATerminal_IsOneLineThatIsWrittenOver()
    {
        var narrator = new TerminalNarrator(console, time);
        await narrator.PhaseAsync("pull", () =>
        {
            time.Advance(TimeSpan.FromMilliseconds(300));
            narrator.Progress("1.0 of 3.0 MB");
            // Sooner than anybody could read it.
            narrator.Progress("1.1 of 3.0 MB");
            narrator.Warn("[careful]");
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.FromResult((0, "demo:v2 is [sha256:ab]"));
        });

        Assert.Equal(
            "… pull |↤… pull 1.0 of 3.0 MB|↤warning: [careful]\n… pull 1.0 of 3.0 MB|↤✓ pull         1.3 s  demo:v2 is [sha256:ab]\n",
            Drawn());
        Assert.Equal(["✓ pull         1.3 s  demo:v2 is [sha256:ab]"], OnTheScreen().Where(line => line.Contains('✓')));
    }

    [Fact]
    public async Task PhaseAsync_OnATerminalAndFailed_SaysSoAndWhy()
    {
        var narrator = new TerminalNarrator(console, time);
        await Assert.ThrowsAsync<InvalidOperationException>(() => narrator.PhaseAsync<int>("tests", () => throw new InvalidOperationException()));
        narrator.Fail("demo [v2] was rejected", ["[Fact] failed"]);

        Assert.Equal(["✗ tests        0.0 s  failed", "  │ [Fact] failed", "error: demo [v2] was rejected", ""], OnTheScreen());
    }

    [Fact]
    public async Task WatchAsync_OnATerminal_RedrawsItsTable()
    {
        var screen = new Screen(TextWriter.Null, TextWriter.Null, json: false, console, time);

        await screen.WatchAsync(
            new[] { "passing", "critical" }.ToAsyncEnumerable(),
            json => throw new InvalidOperationException("no JSON was asked for"),
            health => new Columns(["HEALTH"], [[health]]) { Next = $"deployer mend {health}" },
            string.Equals);

        var (first, second) = (console.Output.IndexOf("passing", StringComparison.Ordinal), console.Output.IndexOf("critical", StringComparison.Ordinal));
        Assert.InRange(first, 0, second);
        // Up again over what was drawn before.
        Assert.Matches("\u001b\\[[0-9]A", console.Output[first..second]);
        Assert.Contains("deployer mend critical", console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Show_OnATerminal_IsATableAndACommandThatCanBeCopied()
    {
        var command = $"deployer deploy {new string('x', 120)} --check-index 9";
        var screen = new Screen(TextWriter.Null, TextWriter.Null, json: false, console, time);

        screen.Show(new Columns(["VERSION", "REASON"], [["[v2]", "some [reason]"]]) { Next = command });

        Assert.Contains("[v2]", console.Output, StringComparison.Ordinal);
        Assert.Contains("some [reason]", console.Output, StringComparison.Ordinal);
        Assert.Contains(command + "\n", console.Output, StringComparison.Ordinal);
    }

    private sealed class GoneWriter : StringWriter
    {
        public int Writes { get; private set; }

        public override void Write(char value) => Fail();

        public override void Write(char[] buffer, int index, int count) => Fail();

        public override void Write(string? value) => Fail();

        public override void WriteLine(string? value) => Fail();

        private void Fail()
        {
            Writes++;
            throw new IOException("Input/output error");
        }
    }

    private string Drawn() => console.Output.Replace("\r\u001b[K", "|↤", StringComparison.Ordinal);

    // What stays of the lines when each was written over by what came after it.
    private string[] OnTheScreen() => [.. Drawn().Split('\n').Select(line => line.Split("|↤")[^1])];
}
