using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

/// <summary>Three services with traffic, a, b and c. A reading is written as the services that have their instance, and <c>a-</c> for one that has none.</summary>
public sealed class SecondLookTests
{
    private readonly SnapshotHolder snapshots = new(TrustedProxies.None);
    private readonly List<string> asked = [];

    public SecondLookTests() => snapshots.Publish(
        SnapshotOrigin.Consul,
        new MeshView(
            DocumentSet.Of("abc".Select(service => new StoredDocument($"{service}", Promoted($"{service}"), 7, Fault: null))),
            "abc".ToDictionary(service => $"{service}", service => (IReadOnlyList<Instance>)[InstanceOf($"{service}")], StringComparer.Ordinal),
            MeshView.NothingHeld),
        new Moment(DateTimeOffset.UnixEpoch));

    /// <summary>
    /// What is due, what is read first, which services the catalog lists then (<c>null</c> where it gives no list), what is read
    /// the second time, what is told, and what is due still.
    /// </summary>
    public static TheoryData<string, string, string, string?, string?, string, string> Cases => new()
    {
        { "nothing is lost", "a", "a", "a b c", null, "a", "" },
        { "one could not be read", "a b", "a", "a b c", null, "a", "b" },
        { "one is lost indeed", "a", "a-", "b c", "a-", "a-", "" },
        { "one is lost indeed, and another is missing for a moment", "a", "a-", "c", "a- b", "a- b", "" },
        { "it was only a moment", "a b c", "a- b c", "b c", "a b c", "a b c", "" },
        { "all are lost", "a", "a-", "", "a- b- c-", "a- b- c-", "" },
        { "several are lost, and another of which something else is left", "a b", "a- b-", null, "a- b- c-", "a- b- c-", "" },
        { "it cannot be told whether all are", "a", "a-", "", "a- b", "b", "a c" },
        { "the second reading fails", "a", "a-", "", "", "", "a b c" },
        { "there is no list", "a b", "a- b", null, null, "b", "a" },
        { "one that serves nothing is no loss", "new", "new-", "a b c", null, "new-", "" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Read_Lost_IsToldWhenItWasSeenTwiceAndWhole(
        string why, string first, string read, string? listed, string? then, string told, string left)
    {
        var due = first.Split(' ').ToHashSet(StringComparer.Ordinal);
        var readings = new Queue<string>([read, .. then is null ? [] : new[] { then }]);

        var answer = await SecondLook.ReadAsync(due, () => snapshots.Current, services =>
        {
            asked.Add(string.Join(' ', services.Order(StringComparer.Ordinal)));
            return Task.FromResult(Reading(readings.Dequeue()));
        }, () => Task.FromResult<IReadOnlySet<string>?>(listed?.Split(' ').ToHashSet(StringComparer.Ordinal)), share: 0.5);

        due.ExceptWith(answer.Keys);
        Assert.True(told == Written(answer), $"{why}: {Written(answer)}");
        Assert.Equal(left, string.Join(' ', due.Order(StringComparer.Ordinal)));
        Assert.True(readings.Count == 0, why);
        // Of several that are lost the list is not asked.
        var missing = "abc".Select(service => $"{service}").Where(service => listed?.Split(' ').Contains(service) != true);
        Assert.Equal(then is null ? [first] : [first, string.Join(' ', first.Split(' ').Union(missing).Order(StringComparer.Ordinal))], asked);
    }

    // Of three services two may be lost here: one that Consul cannot read keeps the other's loss from nobody.
    [Fact]
    public async Task Read_OneCannotBeRead_WhereBothLostWouldBeNoLossOfMany_WaitsAlone()
    {
        var due = new HashSet<string>(["a", "b"], StringComparer.Ordinal);

        var answer = await SecondLook.ReadAsync(
            due, () => snapshots.Current, _ => Task.FromResult(Reading("a-")), () => Task.FromResult<IReadOnlySet<string>?>(new HashSet<string>(["b", "c"], StringComparer.Ordinal)), share: 0.7);

        Assert.Equal("a-", Written(answer));
    }

    private static IReadOnlyDictionary<string, IReadOnlyList<Instance>> Reading(string written) => written
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .ToDictionary(service => service.TrimEnd('-'), service => (IReadOnlyList<Instance>)(service.EndsWith('-') ? [] : [InstanceOf(service)]), StringComparer.Ordinal);

    private static string Written(IReadOnlyDictionary<string, IReadOnlyList<Instance>> reading) => string.Join(
        ' ', reading.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => one.Key + (one.Value.Count == 0 ? "-" : "")));

    private static Instance InstanceOf(string service) => new(service + "1", "node", service, "10.0.0.9", 1, "one", "v1", "passing");

    private static ServiceDocument Promoted(string service) =>
        ServiceDocument.Create(service, []).Promote(new Release("one", "v1", "image", DateTimeOffset.UnixEpoch));
}
