using System.Collections.Frozen;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

/// <summary>
/// What is read of a mesh is written as a line: <c>a@7=1:x,y b@8=-:z</c> is service a, its document at index 7 with release
/// 1 active, instances x and y of release 1; of b no document is there, only an instance z of release 1. An instance of
/// another release is <c>2/x</c>, a critical one <c>x!</c>.
/// </summary>
public sealed class LossGuardTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly TimeSpan Hold = TimeSpan.FromSeconds(30);

    /// <summary>What is in effect, what is then read, what is in effect after it, and the services that are held.</summary>
    public static TheoryData<string, string, string, string, string> Cases => new()
    {
        { "all instances of all services gone", "a=1:x b=1:y c=1:z", "a=1: b=1: c=1:", "a=1:x b=1:y c=1:z", "a b c" },
        { "all documents gone", "a=1:x b=1:y c=1:z", "", "a=1:x b=1:y c=1:z", "a b c" },
        { "all documents gone, the instances still there", "a=1:x b=1:y", "a=-:x b=-:y", "a=1:x b=1:y", "a b" },
        { "two of three lost", "a=1:x b=1:y c=1:z", "a=1:x b=1:", "a=1:x b=1:y c=1:z", "b c" },
        { "one of three removed", "a=1:x b=1:y c=1:z", "a=1:x b=1:y", "a=1:x b=1:y", "" },
        { "one of two removed is no more than half", "a=1:x b=1:y", "a=1:x b=1:", "a=1:x b=1:", "" },
        { "the only service lost", "a=1:x", "a=1:", "a=1:x", "a" },
        { "the only document lost", "a=1:x", "", "a=1:x", "a" },
        { "instances replaced", "a=1:x,y", "a=1:v,w", "a=1:v,w", "" },
        { "some of the instances gone", "a=1:x,y,z", "a=1:z", "a=1:z", "" },
        { "all critical", "a=1:x,y", "a=1:x!,y!", "a=1:x!,y!", "" },
        { "a promotion", "a=1:x,2/y", "a@9=2:x,2/y", "a@9=2:x,2/y", "" },
        { "a promotion to a release without instances", "a=1:x", "a@9=2:x", "a=1:x", "" },
        { "a promotion, its instances and all others gone", "a=1:x,2/y", "a@9=2:", "a@9=2:x,2/y", "a" },
        { "restored from a backup that does not know the release", "a=2:2/x", "a@3=1:2/x", "a=2:2/x", "a" },
        { "restored from a backup whose release runs", "a=2:x,2/y", "a@3=1:x,2/y", "a@3=1:x,2/y", "" },
        { "a new registry with new documents", "a=1:x", "a@2=3:3/v", "a@2=3:3/v", "" },
        { "one of three lost while another's document fell back", "a=1:x b=1:y c=1:z", "a=1:x b@2=1:y c=1:", "a=1:x b@2=1:y c=1:z", "c" },
        { "one of three lost while another's document went on", "a=1:x b=1:y c=1:z", "a=1:x b@9=1:y c=1:", "a=1:x b@9=1:y c=1:", "" },
        { "services without traffic do not count", "a=1: b=1: c=1:z", "c=1:", "c=1:z", "c" },
        { "documents without traffic may go", "a=1: b=1: c=1:z", "c=1:z", "c=1:z", "" },
        { "a new service during the loss", "a=1:x", "b=1:y", "a=1:x b=1:y", "a" },
        { "a new candidate of a lost service", "a=1:x", "a=1:2/y", "a=1:x,2/y", "a" },
        { "an instance turned critical while its document is lost", "a=1:x,y", "a=-:x!,y", "a=1:x!,y", "a" },
        { "an instance gone while its document is lost", "a=1:x,y", "a=-:y", "a=1:y", "a" },
        { "the rest goes on", "a=1:x b=1:y c=1:z,2/w", "c@9=2:2/w,z!", "a=1:x b=1:y c@9=2:2/w,z!", "a b" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rule_WhatIsRead_SaysWhatIsInEffect(string why, string inEffect, string read, string expected, string held)
    {
        var proxy = new GuardedProxy();
        proxy.Read(inEffect, Start);

        proxy.Read(read, Start);

        Assert.True(expected == proxy.InEffect, $"{why}: {proxy.InEffect}");
        Assert.True(held == proxy.Held, $"{why}: held are '{proxy.Held}'");
        Assert.All(proxy.Current.Held.Values, until => Assert.Equal(Start + Hold, until));
    }

    [Theory]
    [InlineData(29.999, "a=1:x b=1:y", "a b")]
    [InlineData(30, "", "")]
    public void Rule_ALossThatLasts_IsObeyedAtTheEndOfTheHold(double seconds, string expected, string held)
    {
        var proxy = new GuardedProxy();
        proxy.Read("a=1:x b=1:y", Start);
        proxy.Read("", Start);

        proxy.Read("", Start.AddSeconds(seconds));

        Assert.Equal((expected, held), (proxy.InEffect, proxy.Held));
    }

    [Fact]
    public void Rule_TheServicesAreBack_EndsTheHoldAtOnce()
    {
        var proxy = new GuardedProxy();
        proxy.Read("a=1:x,y b=1:z", Start);
        proxy.Read("", Start);

        proxy.Read("a@2=1:v b@3=1:w", Start.AddSeconds(1));

        Assert.Equal(("a@2=1:v b@3=1:w", ""), (proxy.InEffect, proxy.Held));
    }

    [Fact]
    public void Rule_ServicesComeBackOneByOne_TheRestStaysHeld()
    {
        var proxy = new GuardedProxy();
        proxy.Read("a=1:x b=1:y c=1:z d=1:w", Start);
        proxy.Read("a=1: b=1: c=1: d=1:", Start);

        proxy.Read("a=1:x b=1:y c=1:z d=1:", Start.AddSeconds(20));

        Assert.Equal(("a=1:x b=1:y c=1:z d=1:w", "d"), (proxy.InEffect, proxy.Held));
    }

    [Fact]
    public void Rule_ALossThatGrows_HoldsEachServiceForItsOwnTime()
    {
        var proxy = new GuardedProxy();
        proxy.Read("a=1:x b=1:y c=1:z", Start);
        proxy.Read("c=1:z", Start);
        proxy.Read("", Start.AddSeconds(20));
        Assert.Equal("a b c", proxy.Held);

        proxy.Read("", Start.AddSeconds(30));
        Assert.Equal(("c=1:z", "c"), (proxy.InEffect, proxy.Held));

        proxy.Read("", Start.AddSeconds(50));
        Assert.Equal(("", ""), (proxy.InEffect, proxy.Held));
    }

    [Fact]
    public void Rule_AConfirmedLoss_IsObeyedAtOnceAndOnlyThatOne()
    {
        var proxy = new GuardedProxy();
        proxy.Read("a=1:x b=1:y c=1:z", Start);
        proxy.Read("", Start);

        proxy.Read("", Start.AddSeconds(1), confirmed: new HashSet<string>(["a", "b"], StringComparer.Ordinal));

        Assert.Equal(("c=1:z", "c"), (proxy.InEffect, proxy.Held));
    }

    [Fact]
    public void Rule_TheLossIsReadAgain_MakesNoNewSnapshot()
    {
        var proxy = new GuardedProxy();
        proxy.Read("a=1:x,2/y b=1:z", Start);
        Assert.True(proxy.Read("b=1:z!", Start) && proxy.Read("b=1:", Start));

        Assert.False(proxy.Read("b=1:", Start.AddSeconds(1)));
    }

    [Fact]
    public void Rule_AClockThatIsSetBack_DoesNotLengthenTheHold()
    {
        var proxy = new GuardedProxy();
        proxy.Read("a=1:x", Start);
        proxy.Read("", Start);

        proxy.Read("", Start.AddHours(-1));

        Assert.Equal(Start.AddHours(-1) + Hold, proxy.Current.Held["a"]);
    }

    [Fact]
    public void Rule_WithoutAHold_ObeysAtOnce()
    {
        var proxy = new GuardedProxy(hold: TimeSpan.Zero);
        proxy.Read("a=1:x b=1:y", Start);

        proxy.Read("", Start);

        Assert.Equal(("", ""), (proxy.InEffect, proxy.Held));
    }

    [Theory]
    [InlineData(0, "a=1:x b=1:y c=1:z", "a")]
    [InlineData(0.3, "a=1:x b=1:y c=1:z", "a")]
    [InlineData(0.34, "b=1:y c=1:z", "")]
    [InlineData(1, "b=1:y c=1:z", "")]
    public void Rule_TheShare_DecidesWhatIsSudden(double share, string expected, string held)
    {
        var proxy = new GuardedProxy(share);
        proxy.Read("a=1:x b=1:y c=1:z", Start);

        proxy.Read("b=1:y c=1:z", Start);

        Assert.Equal((expected, held), (proxy.InEffect, proxy.Held));
    }

    /// <summary>The guard with the snapshots that come of its rulings.</summary>
    private sealed class GuardedProxy(double share = 0.5, TimeSpan? hold = null)
    {
        private const ulong UsualIndex = 7;
        private readonly SnapshotHolder snapshots = new(TrustedProxies.None);
        private readonly LossGuard guard = new(share, hold ?? LossGuardTests.Hold);
        private DocumentSet last = DocumentSet.Empty;

        public Snapshot Current => snapshots.Current;

        public string Held => string.Join(' ', Current.Held.Keys.Order(StringComparer.Ordinal));

        public string InEffect => string.Join(' ', Current.Services.Values
            .OrderBy(service => service.Stored.Service, StringComparer.Ordinal)
            .Select(service => $"{service.Stored.Service}{(service.Stored.Index == UsualIndex ? "" : $"@{service.Stored.Index}")}="
                + $"{service.Stored.Document!.Active!.Deployment}:{string.Join(',', service.Instances.Select(Written))}"));

        /// <returns>Whether it made a new snapshot.</returns>
        public bool Read(string mesh, DateTimeOffset now, IReadOnlySet<string>? confirmed = null)
        {
            var services = mesh.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(service => service.Split('@', '=', ':')).ToArray();
            var documents = DocumentSet.Of(services.Where(parts => parts[^2] != "-").Select(Stored));
            var instances = services.ToFrozenDictionary(parts => parts[0], Instances, StringComparer.Ordinal);
            var view = guard.Rule(Current, Same(documents), instances, now, confirmed);
            var publication = snapshots.Publish(SnapshotOrigin.Consul, view, new Moment(now));
            snapshots.Publish(SnapshotOrigin.Consul, view, Answering(now));
            return publication.IsNew;
        }

        // Every instance answers its probe at once. And of what is gone nothing is left after a look.
        private Moment Answering(DateTimeOffset now) => new(now, Current.Services.ToDictionary(
            service => service.Key,
            service => service.Value.Members.Select(member => new HealthFinding(member.State, FindingKind.Answers)).ToList(),
            StringComparer.Ordinal));

        // As the store's watch does: the same content is the same set.
        private DocumentSet Same(DocumentSet documents) =>
            last.Services.Values.Select(stored => (stored.Service, stored.Index)).ToHashSet()
                .SetEquals(documents.Services.Values.Select(stored => (stored.Service, stored.Index))) ? last : last = documents;

        private static StoredDocument Stored(string[] parts) => new(
            parts[0],
            ServiceDocument.Create(parts[0], []).Promote(new Release(parts[^2], "v", "image", DateTimeOffset.UnixEpoch)),
            parts.Length == 4 ? ulong.Parse(parts[1]) : UsualIndex,
            Fault: null);

        private static IReadOnlyList<Instance> Instances(string[] parts) =>
        [
            .. parts[^1].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(written => Instance(parts[0], written))
                .OrderBy(instance => instance.Id, StringComparer.Ordinal),
        ];

        private static Instance Instance(string service, string written)
        {
            var (release, id) = written.Split('/') is [var given, var rest] ? (given, rest) : ("1", written);
            return new Instance(id.TrimEnd('!'), "node", service, "10.0.0.9", 1, release, "v", id.EndsWith('!') ? "critical" : "passing");
        }

        private static string Written(Instance instance) =>
            $"{(instance.Deployment == "1" ? "" : instance.Deployment + "/")}{instance.Id}{(instance.IsHealthy ? "" : "!")}";
    }
}
