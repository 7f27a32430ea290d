using System.Text;
using System.Text.Json;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ContainerOutputTests
{
    [Theory]
    [InlineData("3 passed, 0 failed", 3, 0)]
    [InlineData("1 passed, 1 failed|x|12 passed, 2 failed, 1 skipped", 12, 2)]
    [InlineData("Tests: 7 passed, 0 failed.|bye", 7, 0)]
    [InlineData("all is well", null, null)]
    [InlineData("", null, null)]
    [InlineData("99999999999 passed, 0 failed", null, 0)]
    public void Read_ClosingLine_IsTheLastWithCounts(string lines, int? passed, int? failed) =>
        Assert.Equal((passed, failed), ClosingLine.Read(lines.Split('|')));

    [Fact]
    public void Append_BytesCutAnywhere_GivesWholeLines()
    {
        var bytes = Encoding.UTF8.GetBytes("erste Zeile: für\r\n\u001b[31mrot\u001b[0m\tx\a\u009b\nrest");
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            List<string> lines = [];
            var output = new OutputLines(SecretValues.None, lines.Add);
            output.Append(bytes.AsSpan(0, cut));
            output.Append(bytes.AsSpan(cut));
            output.Complete();

            Assert.Equal(["erste Zeile: für", "rot\tx", "rest"], lines);
        }
    }

    [Fact]
    public void Append_ALineWithoutEnd_IsCutAndBounded()
    {
        List<string> lines = [];
        var output = new OutputLines(SecretValues.None, lines.Add);
        for (var i = 0; i < 1000; i++)
            output.Append(Encoding.UTF8.GetBytes(new string('x', 10_000)));
        output.Append("\nnext\n"u8);

        Assert.Equal([new string('x', OutputLines.LongestLine) + " …", "next"], lines);
    }

    [Fact]
    public void Append_ASecretAcrossTheCut_IsNotToldInPart()
    {
        var secrets = SecretValues.Read([new("A", "A", null)], _ => "hunter22", _ => "").Values;
        for (var before = OutputLines.LongestLine - 9; before <= OutputLines.LongestLine; before++)
        {
            List<string> lines = [];
            var output = new OutputLines(secrets, lines.Add);
            output.Append(Encoding.UTF8.GetBytes(new string('x', before) + "hun\u001b[1mter22 and more\n"));

            Assert.DoesNotContain(Assert.Single(lines), c => "hunter2".Contains(c));
        }
    }

    [Fact]
    public void Add_MoreThanTheBounds_KeepsTheEnd()
    {
        var byLines = new LogTail(lines: 3);
        var byBytes = new LogTail(bytes: 10);
        foreach (var line in Enumerable.Range(1, 9).Select(i => $"line{i}"))
        {
            byLines.Add(line);
            byBytes.Add(line);
        }

        Assert.Equal("line7\nline8\nline9", byLines.ToString());
        Assert.Equal("line9", byBytes.ToString());
    }

    [Fact]
    public void KeptTests_FewSuites_AreAsTheyWere()
    {
        TestRun[] runs = [.. Enumerable.Range(0, 7).Select(number => Run(number, 'x'))];

        Assert.Equal(runs, KeptTests.Of(runs));
    }

    // A quotation mark takes six bytes in JSON, and base64 a third more of all.
    [Theory]
    [InlineData(2, '"')]
    [InlineData(15, 'x')]
    [InlineData(50, '"')]
    public void KeptTests_ManySuitesOfFullLogs_FitIntoATransactionAndSayThatTheyAreCut(int suites, char printed)
    {
        TestRun[] runs = [.. Enumerable.Range(0, suites).Select(number => Run(number, printed))];

        var kept = KeptTests.Of(runs);

        Assert.InRange(Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(kept)).Length, 1, 300 * 1024);
        Assert.Equal(runs.Select(run => run.Suite), kept.Select(run => run.Suite));
        Assert.All(kept, run =>
        {
            Assert.StartsWith("… (cut: all suites together may have 128 KB here)\n", run.LogTail, StringComparison.Ordinal);
            Assert.EndsWith("\n1 passed, 0 failed", run.LogTail, StringComparison.Ordinal);
        });
    }

    private static TestRun Run(int number, char printed) =>
        new("t@sha256:0", 0, 1, 0, 1, string.Join('\n', Enumerable.Repeat(new string(printed, 160), 99).Append("1 passed, 0 failed")), $"s{number}");

    [Theory]
    [InlineData(0, 12, 0, 3, null)]
    [InlineData(1, 10, 2, 3, "demo v3 was rejected by its tests: 10 passed, 2 failed (exit code 1).")]
    [InlineData(137, 10, 2, 3, "demo v3 was rejected by its tests: 10 passed, 2 failed (exit code 137).")]
    [InlineData(137, 10, 0, 3, "demo v3 was rejected by its tests: they were killed, or their container was removed (exit code 137).")]
    [InlineData(137, null, null, 3, "demo v3 was rejected by its tests: they were killed, or their container was removed (exit code 137).")]
    [InlineData(124, null, null, 120, "demo v3 was rejected: its tests did not end within 2m.")]
    [InlineData(124, null, null, 3, "demo v3 was rejected by its tests: they ended with exit code 124.")]
    public void Rejection_ByTheRun_SaysWhy(int exitCode, int? passed, int? failed, double seconds, string? sentence) => Assert.Equal(
        sentence is null ? null : $"{sentence} Production is unchanged. 'deployer history demo --json' has what they printed; mend it, then deploy again.",
        TestRunner.Rejection("demo", "v3", new TestRun("t@sha256:0", exitCode, passed, failed, seconds, ""), TimeSpan.FromMinutes(2)));
}
