using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;
using ServiceMesh.Deployer.Verbs;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class OutputTests
{
    private static readonly Release V2 = new("k3vabcdefghijklmnopqrstuv2", "v2", "x", DateTimeOffset.UnixEpoch);
    private static readonly Release V1 = new("b7qabcdefghijklmnopqrstuv1", "v1", "x", DateTimeOffset.UnixEpoch);

    [Fact]
    public async Task PhaseAsync_InALog_IsALineWithItsTime()
    {
        var time = new FakeTimeProvider();
        var output = new StringWriter();
        var narrator = new PlainNarrator(output, time);
        await narrator.PhaseAsync("pull", () =>
        {
            time.Advance(TimeSpan.FromSeconds(1.23));
            return Task.FromResult((0, "demo:v2 is sha256:ab"));
        });
        narrator.Relay("a test's line");
        narrator.Warn("careful");
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            narrator.PhaseAsync<(int, string)>("tests", () => throw new InvalidOperationException()));
        narrator.Fail("no", ["last words"]);

        Assert.Equal(
            """
            ok  pull         1.2 s  demo:v2 is sha256:ab
              | a test's line
            warning: careful
            no  tests        0.0 s  failed
              | last words
            error: no

            """,
            output.ToString());
        Assert.Equal([new PhaseRecord("pull", 1.23, true, "demo:v2 is sha256:ab"), new PhaseRecord("tests", 0, false, "failed")], narrator.Phases);
        Assert.Equal(["careful"], narrator.Warnings);
    }

    [Fact]
    public async Task Progress_InALog_IsToldNowAndThenOnly()
    {
        var time = new FakeTimeProvider();
        var output = new StringWriter();
        var narrator = new PlainNarrator(output, time);
        await narrator.PhaseAsync("pull", () =>
        {
            foreach (var seconds in Enumerable.Range(0, 25))
            {
                narrator.Progress($"{seconds} of 25 MB");
                time.Advance(TimeSpan.FromSeconds(1));
            }

            return Task.FromResult((0, "done"));
        });

        Assert.Equal(
            """
            ... pull                10 of 25 MB
            ... pull                20 of 25 MB
            ok  pull        25.0 s  done

            """,
            output.ToString());
    }

    [Fact]
    public void Rows_DocumentInstancesAndProxies_AreBroughtTogether()
    {
        var document = ServiceDocument.Create("demo", []) with { Active = V2, Retired = [new RetiredRelease(V1.Deployment, V1.Version, V1.Image, V1.CreatedAt)] };
        Instance[] instances =
        [
            new("h:hand:80", "n", "demo", "10.0.0.9", 3, "handmade", "", "critical"),
            new("h:v2-1:80", "n", "demo", "10.0.0.9", 1, V2.Deployment, "v2", "passing"),
            new("h:v2-2:80", "n", "demo", "10.0.0.9", 2, V2.Deployment, "v2", "passing", Weight: 3),
        ];
        ProxyAnswer?[] answers =
        [
            new ProxyAnswer(1, null, [new("h:v2-1:80", V2.Deployment, 2), new("h:v2-2:80", V2.Deployment, 0)]),
            new ProxyAnswer(1, null, [new("h:v2-1:80", V2.Deployment, 1)]),
            null,
        ];

        var table = StatusRow.Table(StatusReader.Rows("demo", document, instances, answers), DateTimeOffset.UnixEpoch.AddSeconds(90));

        Assert.Contains("\"stage\":\"active\"", JsonSerializer.Serialize(StatusReader.Rows("demo", document, instances, answers), ReportJson.Default.IReadOnlyListStatusRow), StringComparison.Ordinal);
        Assert.Equal(
            [
                "SERVICE  STAGE      VERSION  DEPLOYMENT  HOST  INSTANCE           HEALTH    SHARE  IN FLIGHT  AGE",
                "demo     active     v2       k3vabcde    n     http://10.0.0.9:1  passing   25 %   3          1m30s",
                "demo     active     v2       k3vabcde    n     http://10.0.0.9:2  passing   75 %   0          1m30s",
                "demo     candidate  -        handmade    n     http://10.0.0.9:3  critical  -      -          -",
                "demo     retired    v1       b7qabcde    -     -                  stopped   -      -          1m30s",
            ],
            table.Lines());
    }

    [Theory]
    [InlineData(true, "maintenance")]
    [InlineData(false, "paused")]
    public void Rows_AServiceThatIsHeld_TellSoInThePlaceOfTheShare(bool maintenance, string hold)
    {
        var document = ServiceDocument.Create("demo", []) with
        {
            Active = V2,
            Retired = [new RetiredRelease(V1.Deployment, V1.Version, V1.Image, V1.CreatedAt)],
            Maintenance = maintenance ? new Maintenance(DateTimeOffset.UnixEpoch) : null,
            Pause = maintenance ? null : new Pause(DateTimeOffset.UnixEpoch),
        };

        var rows = StatusReader.Rows("demo", document, [new("a", "n", "demo", "10.0.0.9", 1, V2.Deployment, "v2", "passing")], []);

        Assert.Equal([(hold, 100.0), (null, null)], rows.Select(row => (row.Hold, row.Share)));
        Assert.Contains($"\"hold\":\"{hold}\"", JsonSerializer.Serialize(rows, ReportJson.Default.IReadOnlyListStatusRow), StringComparison.Ordinal);
        var lines = StatusRow.Table([.. rows, .. rows], DateTimeOffset.UnixEpoch).Lines().ToArray();
        Assert.Equal(["demo", "active", "v2", "k3vabcde", "n", "http://10.0.0.9:1", "passing", hold, "-", "0s"], lines[1].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("deployer resume demo", lines[^1]);
        Assert.False(StatusRow.Same(rows, [.. rows.Select(row => row with { Hold = null })]));
    }

    [Theory]
    [InlineData(null, "passing", "passing", "50 50 -")]
    [InlineData(10.0, "passing", "critical", "90 0 10")]
    [InlineData(12.5, "critical", "critical", "43.75 43.75 12.5")]
    public void Rows_Shares_AreAsTheProxiesShareOut(double? split, string first, string second, string shares)
    {
        var document = ServiceDocument.Create("demo", []) with { Active = V2, Split = split is { } share ? new Split(V1, share) : null };
        Instance[] instances =
        [
            new("a", "n", "demo", "10.0.0.9", 1, V2.Deployment, "v2", first),
            new("b", "n", "demo", "10.0.0.9", 2, V2.Deployment, "v2", second),
            new("c", "n", "demo", "10.0.0.9", 3, V1.Deployment, "v1", "passing"),
        ];

        var rows = StatusReader.Rows("demo", document, instances, []).OrderBy(row => row.Url, StringComparer.Ordinal);

        Assert.Equal(shares, string.Join(' ', rows.Select(row => row.Share?.ToString(CultureInfo.InvariantCulture) ?? "-")));
    }

    [Fact]
    public async Task WatchAsync_InALog_IsANewTableAfterEachChange()
    {
        var output = new StringWriter();
        var screen = new Screen(output, output, json: false, terminal: null, TimeProvider.System);
        Columns Table(string health) => new(["HEALTH"], [[health]]);

        await screen.WatchAsync(
            new[] { "passing", "PASSING", "critical" }.ToAsyncEnumerable(),
            json => throw new InvalidOperationException("no JSON was asked for"),
            Table,
            (one, other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase));

        Assert.Equal("HEALTH\npassing\n\nHEALTH\ncritical\n", output.ToString().ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task WatchAsync_Json_IsALineAfterEachChange()
    {
        var output = new StringWriter();
        var screen = new Screen(output, output, json: true, terminal: null, TimeProvider.System);
        StatusRow row = new("demo", Stage.Active, "v2", V2.Deployment, "n", "http://10.0.0.9:1", "passing", 100, InFlight: 3, default);

        await screen.WatchAsync<IReadOnlyList<StatusRow>>(
            new IReadOnlyList<StatusRow>[] { [row], [row with { InFlight = 9 }], [row, row with { Version = "\u001bc\u009b\r\n" }] }.ToAsyncEnumerable(),
            json => json.IReadOnlyListStatusRow,
            _ => new Columns([], []),
            StatusRow.Same);

        var lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([1, 2], lines.Select(line => JsonDocument.Parse(line).RootElement.GetArrayLength()));
        Assert.DoesNotContain(output.ToString(), c => char.IsControl(c) && c != '\n');
    }

    [Fact]
    public void Same_RowsThatDifferInFlightOnly_AreTheSame()
    {
        StatusRow row = new("demo", Stage.Active, "v2", V2.Deployment, "n", "http://10.0.0.9:1", "passing", 100, InFlight: 3, default);

        Assert.True(StatusRow.Same([row], [row with { InFlight = 9 }]));
        Assert.False(StatusRow.Same([row], [row with { Health = "critical" }]));
        Assert.False(StatusRow.Same([row], []));
    }

    [Fact]
    public void Table_History_TellsEveryAttempt()
    {
        HistoryEntry[] entries =
        [
            new()
            {
                Number = 1, Service = "demo", Action = "deploy", Outcome = Outcome.Rejected, Reason = "2 failed", Who = "ci@cd", At = DateTimeOffset.UnixEpoch,
                Seconds = 12.34, Release = V2, Tests = [new TestRun("t", 0, 4, 0, 3, "", "smoke"), new TestRun("t", 1, 6, 2, 3, "", "load")],
            },
            new() { Number = 2, Service = "demo", Action = "rollback", Outcome = Outcome.Promoted, Who = "ci@cd", At = DateTimeOffset.UnixEpoch, Seconds = 1, Release = V1 },
        ];

        Assert.Equal(
            [
                "N  WHEN (UTC)           ACTION    VERSION  OUTCOME   TESTS                WHO    SECONDS  REASON",
                "1  1970-01-01 00:00:00  deploy    v2       rejected  10 passed, 2 failed  ci@cd  12.3     2 failed",
                "2  1970-01-01 00:00:00  rollback  v1       promoted  -                    ci@cd  1.0",
            ],
            HistoryVerb.Table(entries).Lines());
    }
}
