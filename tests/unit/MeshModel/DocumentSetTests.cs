using Consul;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class DocumentSetTests
{
    private static readonly KVPair Sound = Pair(7, DocumentFormat.Write(ServiceDocument.Create("demo", [new Route(null, "/demo", StripPath: true)])));
    private static readonly KVPair Other = Pair(7, DocumentFormat.Write(ServiceDocument.Create("demo", [new Route(null, "/other", StripPath: true)])));
    private static readonly KVPair Faulty = Pair(8, "no document"u8.ToArray());

    [Fact]
    public void Follow_WhatDidNotChange_IsTheSameObject()
    {
        var before = DocumentSet.Empty.Follow([Sound]);

        Assert.Same(before.Services["demo"], before.Follow([Pair(7, [.. Sound.Value!])]).Services["demo"]);
    }

    [Fact]
    public void Follow_AnotherContentAtTheSameIndex_IsRead() =>
        Assert.Equal("/other", DocumentSet.Empty.Follow([Sound]).Follow([Other]).Find("demo")!.Routes[0].Path);

    [Fact]
    public void Follow_AFaultyDocument_KeepsTheLastSoundOneForAsLongAsItStandsThere()
    {
        var faulty = DocumentSet.Empty.Follow([Sound]).Follow([Faulty]).Follow([Faulty]);

        var stored = faulty.Services["demo"];
        Assert.Equal(("/demo", 7ul), (stored.Document!.Routes[0].Path, stored.Index));
        Assert.NotNull(stored.Fault);
        Assert.Null(faulty.Follow([Sound]).Services["demo"].Fault);
        Assert.Empty(faulty.Follow([]).Services);
    }

    private static KVPair Pair(ulong index, byte[] value) => new("mesh/services/demo") { ModifyIndex = index, Value = value };
}
