using System.Text;
using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

/// <summary>What stands in a history that an earlier version wrote is still told.</summary>
public sealed class HistoryEntryTests
{
    private const string Run = """{"image":"t@sha256:0","exitCode":1,"passed":2,"failed":1,"seconds":3.5,"logTail":"x"}""";

    [Theory]
    [InlineData(Run, 1)]
    [InlineData($"[{Run},{Run}]", 2)]
    [InlineData("[]", 0)]
    [InlineData("null", 0)]
    [InlineData(null, 0)]
    public async Task HistoryAsync_TestsOfEveryVersion_AreAListOfRuns(string? tests, int count)
    {
        var entry = $$"""
            {"number":1,"service":"demo","action":"deploy","outcome":"Rejected","who":"ci@cd","at":"2026-01-02T03:04:05Z","seconds":9,
             "release":{"deployment":"d","version":"v","image":"i","createdAt":"2026-01-02T03:04:05Z"}{{(tests is null ? "" : $",\"tests\":{tests}")}}}
            """;
        var consul = Substitute.For<IConsulClient>();
        consul.KV.List(Arg.Any<string>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(
            new QueryResult<KVPair[]?> { Response = [new KVPair("mesh/history/demo/1") { Value = Encoding.UTF8.GetBytes(entry) }] });

        var read = Assert.Single(await new MeshStore(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System)).HistoryAsync("demo", TestContext.Current.CancellationToken));

        Assert.Equal(count, read.Tests.Count);
        Assert.All(read.Tests, run => Assert.Equal((2, null), (run.Passed, run.Suite)));
    }
}
