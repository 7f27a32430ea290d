using Consul;
using CsCheck;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class DocumentViewTests
{
    private readonly DocumentView view = new(DocumentSet.Empty);

    [Fact]
    public void Changed_BeforeTheList_IsNotBelieved()
    {
        Assert.Null(view.Changed(Latest("a", "/new", 9)));
        Assert.Empty(view.Listed([], 10).Services);
    }

    [Fact]
    public void Changed_WhatTheListHas_IsNoNews()
    {
        view.Listed([Pair("a", "/new", 9)], 9);

        Assert.Null(view.Changed(Latest("a", "/new", 9)));
    }

    [Fact]
    public void Changed_AServiceThatIsGoneFromTheList_DoesNotComeBack()
    {
        view.Listed([], 12);

        Assert.Null(view.Changed(Latest("a", "/old", 9)));
    }

    [Fact]
    public void Changed_AheadOfTheList_IsLaidOverItUntilItHasComeAsFar()
    {
        view.Listed([Pair("a", "/a", 5), Pair("b", "/b", 6)], 6);

        Assert.Equal(("/new", "/b"), PathsOf(view.Changed(Latest("a", "/new", 9))!));
        // Under way before the change.
        Assert.Equal(("/new", "/b2"), PathsOf(view.Listed([Pair("a", "/a", 5), Pair("b", "/b2", 8)], 8)));
        Assert.Equal(("/newest", "/b2"), PathsOf(view.Listed([Pair("a", "/newest", 11), Pair("b", "/b2", 8)], 11)));
    }

    // Consul's index of a list falls when it forgets what was deleted, after a quarter of an hour.
    [Fact]
    public void Changed_AServiceThatIsGoneFromAListWhoseIndexFell_DoesNotComeBack()
    {
        Assert.Equal(["b"], view.Listed([Pair("b", "/b", 6)], 6).Services.Keys);

        Assert.Null(view.Changed(Latest("a", "/old", 9)));
        Assert.Equal(["b"], view.Listed([Pair("b", "/b2", 8)], 8).Services.Keys);
    }

    [Fact]
    public void Listed_WithAnIndexThatFell_TakesAwayWhatWasAheadAndIsNotThere()
    {
        view.Listed([Pair("a", "/a", 5), Pair("b", "/b", 6)], 8);
        Assert.NotNull(view.Changed(Latest("a", "/new", 9)));

        Assert.Equal(["b"], view.Listed([Pair("b", "/b", 6)], 6).Services.Keys);
    }

    [Fact]
    public void Changed_ANewService_IsThereAtOnce_AndStaysWhileTheListIsOlder()
    {
        view.Listed([], 6);
        Assert.Null(view.Changed(Latest("b", "/old", 5)));

        Assert.Equal(["a"], view.Changed(Latest("a", "/new", 9))!.Services.Keys);
        Assert.Equal(["a"], view.Listed([], 8).Services.Keys);
        Assert.Empty(view.Listed([], 10).Services);
    }

    [Fact]
    public void Changed_Backwards_TheListAloneCounts()
    {
        view.Listed([Pair("a", "/a", 5), Pair("b", "/b", 6)], 6);
        view.Changed(Latest("a", "/new", 9));

        Assert.Null(view.Changed(Latest("b", "/b", 6)));
        Assert.Equal(("/a", "/b"), PathsOf(view.Listed([Pair("a", "/a", 5), Pair("b", "/b", 6)], 6)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no line")]
    [InlineData("No Name\n{}")]
    public void Changed_NotOurs_IsIgnored(string value)
    {
        view.Listed([], 1);

        Assert.Null(view.Changed(new KVPair("mesh/latest") { Value = System.Text.Encoding.UTF8.GetBytes(value), ModifyIndex = 2 }));
    }

    // Lists are late, of several changes between two looks only the last is told of, and a list's index falls when what was deleted,
    // which was listed meanwhile, is forgotten.
    [Fact]
    public void AnyInterleaving_AfterTheLastList_ItIsWhatConsulHas() => Gen.Select(Gen.Int[0, 2], Gen.Bool, Gen.Int[0, 3], Gen.Bool).Array[1, 30].Sample(steps =>
    {
        var follower = new DocumentView(DocumentSet.Empty);
        List<(KVPair[] Pairs, ulong Index)> history = [([], 1)];
        var current = new Dictionary<string, KVPair>(StringComparer.Ordinal);
        follower.Listed([], 1);
        ulong index = 1;
        var listed = 0;
        foreach (var (service, isDeleted, lag, isForgotten) in steps)
        {
            var name = $"s{service}";
            index++;
            if (isDeleted)
                current.Remove(name);
            else
                current[name] = Pair(name, $"/{index}", index);
            history.Add(([.. current.Values], index));
            if (!isDeleted && lag != 1)
                follower.Changed(Latest(name, $"/{index}", index));
            // The list goes forward, but need not keep up.
            listed = Math.Max(listed, history.Count - 1 - lag);
            follower.Listed(history[listed].Pairs, history[listed].Index);
            if (isForgotten && listed == history.Count - 1)
                history.Add(([.. current.Values], current.Values.Select(pair => pair.ModifyIndex).DefaultIfEmpty(1ul).Max()));
        }

        // What was changed last may come after it.
        if (steps[^1].Item2 is false)
            follower.Changed(Latest($"s{steps[^1].Item1}", $"/{index}", index));
        var documents = follower.Listed(history[^1].Pairs, history[^1].Index);
        return documents.Services.Count == current.Count && current.All(entry => documents.Services[entry.Key].Index == entry.Value.ModifyIndex);
    });

    private static (string A, string B) PathsOf(DocumentSet documents) => (documents.Find("a")!.Routes[0].Path, documents.Find("b")!.Routes[0].Path);

    private static ServiceDocument Document(string service, string path) => ServiceDocument.Create(service, [new Route(null, path, StripPath: false)]);

    private static KVPair Pair(string service, string path, ulong index) =>
        new($"mesh/services/{service}") { Value = DocumentFormat.Write(Document(service, path)), ModifyIndex = index };

    private static KVPair Latest(string service, string path, ulong index) =>
        new("mesh/latest") { Value = DocumentView.Latest(Document(service, path)), ModifyIndex = index };
}
