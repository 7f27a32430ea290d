using ServiceMesh.Proxy.Following;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class ToldByConsulTests
{
    private readonly ToldByConsul told = new();

    [Fact]
    public void Take_UntilAllInstancesWereAskedForOnce_WhatIsKnownStays()
    {
        var known = Documents("a");
        told.BeginWith(known, Nothing);

        Assert.Equal(["a", "b"], told.Take(Documents("a", "b")).Order());
        told.Take(new InstancesTold(["a"], Read("a", "x")));
        Assert.Same(known, told.Documents);
        Assert.False(told.IsComplete);

        told.Take(new InstancesTold(["b"], Read("b", "y")));
        Assert.True(told.IsComplete);
        Assert.Equal(["a", "b"], told.Documents.Services.Keys.Order());
    }

    [Fact]
    public void Take_ANewService_WaitsForItsInstancesAndHoldsUpNoOther()
    {
        told.Take(Documents("a"));
        told.Take(new InstancesTold(["a"], Read("a", "x")));

        Assert.Equal(["b"], told.Take(Documents("a", "b")));
        Assert.Equal(["a"], told.Documents.Services.Keys);

        told.Take(new InstancesTold(["b"], Read("b", "x")));
        Assert.Equal(["a", "b"], told.Documents.Services.Keys.Order());
        Assert.Equal("x", Assert.Single(told.Instances["b"]).Id);
    }

    [Fact]
    public void Take_NoInstancesCouldBeRead_IsNotComplete()
    {
        told.Take(Documents("a"));

        told.Take(new InstancesTold(["a"], Nothing));
        Assert.False(told.IsComplete);

        told.Take(new InstancesTold(["a"], Read("a", "x")));
        Assert.True(told.IsComplete);
    }

    [Fact]
    public void Take_SomeInstancesCouldNotBeRead_KeepsWhatIsKnownOfThose()
    {
        var known = Documents("a");
        told.BeginWith(known, Read("a", "kept"));
        told.Take(Documents("a", "b", "new"));

        told.Take(new InstancesTold(["a", "b", "new"], Read("b", "y")));

        Assert.True(told.IsComplete);
        Assert.Equal(["a", "b"], told.Documents.Services.Keys.Order());
        Assert.Same(known.Services["a"], told.Documents.Services["a"]);
        Assert.Equal("kept", Assert.Single(told.Instances["a"]).Id);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Take_ADocumentThatWasLostAndIsBack_WaitsForItsInstancesAnew(bool gone)
    {
        told.Take(Documents("a", "b"));
        told.Take(new InstancesTold(["a", "b"], Read("a", "x").Concat(Read("b", "y")).ToDictionary()));
        var before = told.Documents.Services["a"];
        if (gone)
            told.Take(Documents("b"));

        // As old as a registry that was set up anew has it.
        var back = Document("a", 0);
        Assert.Equal(["a"], told.Take(DocumentSet.Of([back, .. told.Documents.Services.Values.Where(stored => stored.Service == "b")])));
        Assert.Same(gone ? null : before, told.Documents.Services.GetValueOrDefault("a"));

        told.Take(new InstancesTold(["a"], Read("a", "z")));
        Assert.Same(back, told.Documents.Services["a"]);
    }

    [Fact]
    public void Take_AServiceThatCouldNotBeRead_IsAskedForAgainWhenItIsBack()
    {
        told.Take(Documents("a", "b"));
        told.Take(new InstancesTold(["a", "b"], Read("a", "x")));

        told.Take(Documents("a"));

        Assert.Equal(["b"], told.Take(Documents("a", "b")));
    }

    [Fact]
    public void Take_NoDocuments_IsComplete()
    {
        told.Take(Documents());

        Assert.True(told.IsComplete);
    }

    [Fact]
    public void Take_TheSameInstancesAgain_KeepsTheObject()
    {
        told.Take(new InstancesTold(["a"], Read("a", "x")));
        var before = told.Instances["a"];

        told.Take(new InstancesTold(["a"], Read("a", "x")));

        Assert.Same(before, told.Instances["a"]);
    }

    [Fact]
    public void Take_InstancesThatCouldNotBeRead_KeepsThoseThatAreKnown()
    {
        told.Take(new InstancesTold(["a"], Read("a", "x")));

        told.Take(new InstancesTold(["a"], Nothing));

        Assert.Single(told.Instances["a"]);
    }

    [Fact]
    public void Forget_AServiceThatIsNowhereAnyMore_ForgetsItsInstances()
    {
        told.Take(Documents("a"));
        told.Take(new InstancesTold(["a", "b"], Read("a", "x").Concat(Read("b", "y")).ToDictionary()));

        told.Forget(isInEffect: service => service == "b");
        Assert.Equal(["a", "b"], told.Instances.Keys.Order());
        told.Forget(isInEffect: _ => false);
        Assert.Equal(["a"], told.Instances.Keys);
    }

    private static IReadOnlyDictionary<string, IReadOnlyList<Instance>> Nothing => Read();

    private static Dictionary<string, IReadOnlyList<Instance>> Read(string? service = null, string id = "") => service is null
        ? []
        : new(StringComparer.Ordinal) { [service] = [new Instance(id, "node", service, "10.0.0.9", 1, "one", "v", "passing")] };

    private static DocumentSet Documents(params string[] services) => DocumentSet.Of(services.Select(service => Document(service, 1)));

    private static StoredDocument Document(string service, ulong index) => new(service, ServiceDocument.Create(service, []), index, Fault: null);
}
