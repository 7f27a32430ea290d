using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Consul;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Metering;

public sealed partial class MetricsTests
{
    private readonly SnapshotHolder snapshots = new(TrustedProxies.None);
    private readonly FakeTimeProvider time = new();
    private readonly BlockingQuery blocking;
    private readonly ProxyMeter meter;

    public MetricsTests()
    {
        blocking = new BlockingQuery(NullLogger<BlockingQuery>.Instance, time);
        meter = new ProxyMeter(snapshots, blocking, time);
    }

    [Fact]
    public void Labels_WithQuotesBackslashesAndLines_AreEscaped() =>
        Assert.Equal("""a="x\"y\\z\n",b="2" """.TrimEnd(), MetricsText.Labels(("a", "x\"y\\z\n"), ("b", "2")));

    [Fact]
    public void Histogram_OfDurations_IsCumulativeAndEndsWithAll()
    {
        var durations = new Durations();
        foreach (var milliseconds in new[] { 0.5, 0.6, 3, 40, 60_000 })
            durations.Add(TimeSpan.FromMilliseconds(milliseconds));
        var output = new ArrayBufferWriter<byte>();

        new MetricsText(output).Histogram("h", "a=\"1\"", durations);

        var lines = Encoding.UTF8.GetString(output.WrittenSpan).Split('\n');
        Assert.Equal("h_bucket{a=\"1\",le=\"0.0005\"} 1", lines[0]);
        Assert.Equal("h_bucket{a=\"1\",le=\"0.001\"} 2", lines[1]);
        Assert.Contains("h_bucket{a=\"1\",le=\"0.005\"} 3", lines);
        Assert.Contains("h_bucket{a=\"1\",le=\"0.05\"} 4", lines);
        Assert.Contains("h_bucket{a=\"1\",le=\"25\"} 4", lines);
        Assert.Equal(["h_bucket{a=\"1\",le=\"+Inf\"} 5", "h_sum{a=\"1\"} 60.0441", "h_count{a=\"1\"} 5", ""], lines[^4..]);
    }

    [Fact]
    public async Task Scrape_OfAService_TellsItsInstancesByServiceReleaseDeploymentAndInstance()
    {
        Publish(1, "one");
        var member = snapshots.Current.Services["demo"].Traffic[0];
        member.Answered(200, TimeSpan.FromMilliseconds(2));
        member.Failed(Failure.Connect, TimeSpan.FromMilliseconds(1));
        member.State.Enter();

        var lines = await ScrapeAsync();

        const string labels = "service=\"demo\",release=\"v-one\",deployment=\"one\",instance=\"i-one\",node=\"node\"";
        Assert.Contains($"mesh_proxy_requests_total{{{labels},code=\"2xx\"}} 1", lines);
        Assert.Contains($"mesh_proxy_requests_total{{{labels},code=\"5xx\"}} 0", lines);
        Assert.Contains($"mesh_proxy_failures_total{{{labels},reason=\"connect\"}} 1", lines);
        Assert.Contains($"mesh_proxy_in_flight{{{labels}}} 1", lines);
        Assert.Contains($"mesh_proxy_request_duration_seconds_bucket{{{labels},le=\"0.0025\"}} 2", lines);
        Assert.Contains("mesh_proxy_service_index{service=\"demo\"} 1", lines);
        Assert.Contains("mesh_proxy_applied_index 1", lines);
        Assert.Contains("mesh_proxy_reloads_total 1", lines);
        Assert.Contains("mesh_proxy_origin{origin=\"consul\"} 1", lines);
        Assert.Contains("mesh_proxy_services 1", lines);
        Assert.Contains("mesh_proxy_loss_held 0", lines);
        Assert.Contains($"mesh_proxy_in_traffic{{{labels}}} 1", lines);
        Assert.Contains($"mesh_proxy_ejected{{{labels}}} 0", lines);
    }

    [Fact]
    public async Task Scrape_OfAnInstanceThatIsEjected_TellsThatItIsOutForItsAnswers()
    {
        var document = ServiceDocument.Create("demo", []).Promote(new Release("one", "v-one", "image", DateTimeOffset.UnixEpoch));
        var view = new MeshView(
            DocumentSet.Of([new StoredDocument("demo", document, 1, Fault: null)]),
            new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal)
            {
                ["demo"] = [.. ((string[])["a", "b"]).Select((id, n) => new Instance(id, "node", "demo", "10.0.0.9", n + 1, "one", "v-one", "passing"))],
            },
            MeshView.NothingHeld);
        snapshots.Publish(SnapshotOrigin.Consul, view, new Moment(DateTimeOffset.UnixEpoch));
        var member = snapshots.Current.Services["demo"].Members[0];
        member.Answered(500, TimeSpan.FromMilliseconds(1));
        var touched = new Dictionary<string, List<HealthFinding>>(StringComparer.Ordinal) { ["demo"] = [new HealthFinding(member.State, FindingKind.Ejectable)] };
        snapshots.Publish(SnapshotOrigin.Consul, view, new Moment(DateTimeOffset.UnixEpoch, touched));

        var lines = await ScrapeAsync();

        const string labels = "service=\"demo\",release=\"v-one\",deployment=\"one\",instance=\"a\",node=\"node\"";
        Assert.Contains($"mesh_proxy_ejected{{{labels}}} 1", lines);
        Assert.Contains($"mesh_proxy_in_traffic{{{labels}}} 0", lines);
    }

    [Fact]
    public async Task Scrape_WhileConsulIsSilent_TellsHowLongByQuestion()
    {
        blocking.OnAnswer!("checks");
        time.Advance(TimeSpan.FromSeconds(60));
        blocking.OnAnswer!("documents");
        time.Advance(TimeSpan.FromSeconds(5));

        var lines = await ScrapeAsync();

        Assert.Equal(
            ["mesh_proxy_consul_answer_age_seconds{query=\"checks\"} 65", "mesh_proxy_consul_answer_age_seconds{query=\"documents\"} 5"],
            lines.Where(line => line.StartsWith("mesh_proxy_consul_answer_age_seconds{", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Scrape_OfDocumentsThatAreSetAside_TellsEachReasonInAWord()
    {
        const string sound = """{"schema":1,"service":"a-first","routes":[{"host":null,"path":"/one","stripPath":true}]}""";
        (string Service, string Value)[] documents =
        [
            ("a-first", sound),
            ("b-second", sound.Replace("a-first", "b-second", StringComparison.Ordinal)),
            ("broken", "hello"),
            ("form", """{"schema":2,"service":"form","routes":[]}"""),
            ("new-field", """{"schema":1,"service":"new-field","routes":[],"later":1}"""),
            ("other", sound),
        ];
        var set = DocumentSet.Empty.Follow(documents.Select(document => new KVPair($"mesh/services/{document.Service}") { Value = Encoding.UTF8.GetBytes(document.Value), ModifyIndex = 1 }));
        snapshots.Publish(
            SnapshotOrigin.Consul,
            new MeshView(set, new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal), MeshView.NothingHeld),
            new Moment(DateTimeOffset.UnixEpoch));

        var lines = await ScrapeAsync();

        Assert.Equal(
            [
                "mesh_proxy_documents_set_aside{service=\"b-second\",reason=\"route_taken\"} 1",
                "mesh_proxy_documents_set_aside{service=\"broken\",reason=\"unreadable\"} 1",
                "mesh_proxy_documents_set_aside{service=\"form\",reason=\"schema\"} 1",
                "mesh_proxy_documents_set_aside{service=\"new-field\",reason=\"unreadable\"} 1",
                "mesh_proxy_documents_set_aside{service=\"other\",reason=\"invalid\"} 1",
            ],
            lines.Where(line => line.StartsWith("mesh_proxy_documents_set_aside{", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Scrape_Always_HasEachSeriesOnceAndEachFamilyInOnePiece()
    {
        Publish(1, "one");

        var lines = await ScrapeAsync();

        var series = lines.Where(line => line.Length > 0 && line[0] != '#').Select(line => line[..line.LastIndexOf(' ')]).ToArray();
        Assert.Equal(series.Length, series.Distinct(StringComparer.Ordinal).Count());
        var types = lines.Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]).ToArray();
        Assert.Equal(types.Length, types.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task Scrape_AfterAThousandDeployments_TellsOnlyOfWhatIsThere()
    {
        Publish(1, "d0");
        var first = (await ScrapeAsync()).Length;

        for (var n = 1; n <= 1000; n++)
        {
            Publish((ulong)n + 1, $"d{n}");
            snapshots.Current.Services["demo"].Traffic[0].Answered(200, TimeSpan.FromMilliseconds(1));
        }

        var lines = await ScrapeAsync();
        Assert.Equal(first, lines.Length);
        Assert.DoesNotContain(lines, line => line.Contains("\"d999\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Release_WhileItIsInTheTraffic_KeepsItsMeterThoughItsInstancesChange()
    {
        Publish(1, "one");
        snapshots.Current.Services["demo"].Traffic[0].Answered(200, TimeSpan.FromMilliseconds(1));

        Publish(2, "one", "another-instance");
        snapshots.Current.Services["demo"].Traffic[0].Answered(500, TimeSpan.FromMilliseconds(1));

        var release = Assert.Single(snapshots.Current.Services["demo"].Releases);
        Assert.Equal((2, 1), (release.Meter.Requests, release.Meter.Errors));
    }

    [Fact]
    public void Release_ThatLeftTheTraffic_BeginsAnewWhenItIsBack()
    {
        Publish(1, "one");
        var earlier = snapshots.Current.Services["demo"].Releases[0].Meter;

        Publish(2, "two");
        Publish(3, "one");

        Assert.NotSame(earlier, snapshots.Current.Services["demo"].Releases[0].Meter);
    }

    [Fact]
    public async Task Readme_ItsTable_NamesEachMetricWithItsTypeAndMeaning()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "proxy-README.md"), TestContext.Current.CancellationToken);
        var table = Row().Matches(readme).Select(row => (row.Groups["name"].Value, row.Groups["type"].Value, row.Groups["help"].Value));

        Assert.Equal(
            [
                .. MetricFamilies.Proxy.Select(family => (family.Name, family.Type, family.Help)),
                .. MetricFamilies.Services.Select(family => (family.Name, family.Type, family.Help)),
                .. MetricFamilies.Members.Select(family => (family.Name, family.Type, family.Help)),
            ],
            table);
    }

    private void Publish(ulong index, string deployment, string? instance = null)
    {
        var release = new Release(deployment, "v-" + deployment, "image", DateTimeOffset.UnixEpoch);
        var document = ServiceDocument.Create("demo", [new Route(Host: null, "/demo", StripPath: true)]).Promote(release);
        IReadOnlyList<Instance> instances = [new(instance ?? "i-" + deployment, "node", "demo", "10.0.0.9", 1, deployment, "v-" + deployment, "passing")];
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(
            DocumentSet.Of([new StoredDocument("demo", document, index, Fault: null)]),
            new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal) { ["demo"] = instances },
            MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));
    }

    private async Task<string[]> ScrapeAsync()
    {
        using var body = new MemoryStream();
        await new MetricsAnswer(snapshots, meter).HandleAsync(new DefaultHttpContext { Response = { Body = body } });
        return Encoding.UTF8.GetString(body.ToArray()).Split('\n');
    }

    [GeneratedRegex(@"^\| `(?<name>\w+)` \| (?<type>counter|gauge|histogram) \| [^|]* \| (?<help>.*) \|$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Row();
}
