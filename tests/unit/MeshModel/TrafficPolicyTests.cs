using System.Text;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

/// <summary>The document's traffic policy, split and holds, as text.</summary>
public sealed class TrafficPolicyTests
{
    private const string Release = """{"deployment":"two","version":"2","image":"i","createdAt":"2026-01-01T00:00:00Z"}""";

    [Fact]
    public void Read_NoPolicy_IsTheDefault() => Assert.Equal(TrafficPolicy.Default, Read("").Traffic);

    [Fact]
    public void Read_AnEmptyPolicy_IsTheDefault() => Assert.Equal(TrafficPolicy.Default, Read(""" ,"traffic":{"retries":{},"passive":{}} """).Traffic);

    [Fact]
    public void Read_EachSetting_IsUnderstood()
    {
        var policy = Read(
            """
            ,"traffic":{"balance":"leastRequests","sticky":true,"retries":{"attempts":1,"budget":0.5},
            "concurrency":{"perInstance":10,"queue":5,"wait":"500ms"},
            "probe":{"path":"/health","interval":"3s","timeout":"1s","failures":2,"successes":4},
            "passive":{"failures":7,"errorShare":0.25,"minimum":30,"window":"1m","ejection":"20s"},"slowStart":"30s","drain":"2m"}
            """).Traffic;

        Assert.Equal(
            new TrafficPolicy
            {
                Balance = Balance.LeastRequests,
                Sticky = true,
                Retries = new RetryPolicy(1, 0.5),
                Concurrency = new ConcurrencyLimit(10, 5, TimeSpan.FromMilliseconds(500)),
                Probe = new ProbePolicy("/health", TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1), 2, 4),
                Passive = new PassivePolicy(7, 0.25, 30, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(20)),
                SlowStart = TimeSpan.FromSeconds(30),
                Drain = TimeSpan.FromMinutes(2),
            },
            policy);
    }

    [Fact]
    public void Write_ThenRead_IsTheSame()
    {
        var document = Read($$"""
            ,"split":{"release":{{Release}},"share":12.5,"header":{"name":"x-canary","value":"yes"} },"traffic":{"slowStart":"1m30s"},
            "pause":{"since":"2026-01-01T00:00:00Z","limit":"10s"},"maintenance":{"since":"2026-01-01T00:00:00Z","message":"back soon"}
            """);

        Assert.Null(DocumentFormat.TryRead("demo", DocumentFormat.Write(document), out var again));
        Assert.Equal(document.Traffic, again!.Traffic);
        Assert.Equal(document.Split, again.Split);
        Assert.Equal(document.Pause, again.Pause);
        Assert.Equal(document.Maintenance, again.Maintenance);
    }

    [Theory]
    [InlineData(""" ,"traffic":{"balance":"fastest"} """, "balance")]
    [InlineData(""" ,"traffic":{"retries":{"attempts":6}} """, "traffic.retries.attempts 6 must be 0 to 5")]
    [InlineData(""" ,"traffic":{"retries":{"budget":1.5}} """, "traffic.retries.budget 1.5 must be 0 to 1")]
    [InlineData(""" ,"traffic":{"concurrency":{"perInstance":0}} """, "traffic.concurrency.perInstance 0 must be 1 to 100000")]
    [InlineData(""" ,"traffic":{"concurrency":{"perInstance":1,"wait":"2m"}} """, "traffic.concurrency.wait 2m must be 0s to 1m")]
    [InlineData(""" ,"traffic":{"probe":{"path":"health"}} """, "traffic.probe.path 'health' must be a path that begins with '/'")]
    [InlineData(""" ,"traffic":{"probe":{"path":"/","interval":"5"}} """, "'5' must be a duration such as 500ms, 1s or 1m30s")]
    [InlineData(""" ,"traffic":{"passive":{"errorShare":0}} """, "traffic.passive.errorShare 0 must be 0.001 to 1")]
    [InlineData(""" ,"traffic":{"slowStart":"2h"} """, "traffic.slowStart 2h must be 0s to 1h")]
    [InlineData(""" ,"pause":{"since":"2026-01-01T00:00:00Z","limit":"1h"} """, "pause.limit 1h must be 0s to 10m")]
    public void Read_AFault_NamesTheValueAndWhatIsAllowed(string part, string expected) =>
        Assert.Contains(expected, Fault(part), StringComparison.Ordinal);

    [Theory]
    [InlineData(""" "share":101 """, "split.share 101 must be 0 to 100")]
    [InlineData(""" "share":1,"header":{"name":"a b","value":"c"} """, "split.header.name 'a b' must be a token")]
    [InlineData(""" "share":1,"cookie":{"name":"a","value":"\u0001"} """, "split.cookie.value")]
    public void Read_AFaultySplit_NamesIt(string part, string expected) =>
        Assert.Contains(expected, Fault($$""" ,"split":{"release":{{Release}},{{part}}} """), StringComparison.Ordinal);

    [Fact]
    public void Read_ASplitWithTheActiveRelease_IsAFault() =>
        Assert.Contains("nothing to split", Fault($$""" ,"active":{{Release}},"split":{"release":{{Release}},"share":5} """), StringComparison.Ordinal);

    [Fact]
    public void StageOf_TheSplitsRelease_IsActive_UntilOneOfBothIsPromoted()
    {
        var document = Read($$""" ,"active":{{Release.Replace("two", "one", StringComparison.Ordinal)}},"split":{"release":{{Release}},"share":5} """);

        Assert.Equal(Stage.Active, document.StageOf("one"));
        Assert.Equal(Stage.Active, document.StageOf("two"));
        Assert.Equal(Stage.Retired, document.Promote(document.Split!.Release).StageOf("one"));
        Assert.Equal(Stage.Candidate, document.Promote(document.Active!).StageOf("two"));
    }

    private static ServiceDocument Read(string part)
    {
        Assert.Null(DocumentFormat.TryRead("demo", Text(part), out var document));
        return document!;
    }

    private static string Fault(string part)
    {
        var fault = DocumentFormat.TryRead("demo", Text(part), out _);
        Assert.NotNull(fault);
        return fault;
    }

    private static byte[] Text(string part) => Encoding.UTF8.GetBytes($$"""{"schema":1,"service":"demo","routes":[]{{part}}}""");
}
