using Consul;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class StageRuleTests
{
    private static readonly DocumentSet Faulty = DocumentSet.Of([new StoredDocument("demo", Document: null, Index: 0, "not JSON")]);

    [Fact]
    public void TagOf_NoDocument_IsCandidate() => Assert.Equal("candidate", StageRule.TagOf(DocumentSet.Empty, "demo", "d", "id", Registered("d", "active")));

    [Theory]
    [InlineData("active")]
    [InlineData("retired")]
    public void TagOf_OnlyAFaultyDocument_KeepsTheStage(string stage) =>
        Assert.Equal(stage, StageRule.TagOf(Faulty, "demo", "d", "id", Registered("d", stage)));

    [Fact]
    public void TagOf_OnlyAFaultyDocumentAndAnotherDeployment_IsCandidate() =>
        Assert.Equal("candidate", StageRule.TagOf(Faulty, "demo", "other", "id", Registered("d", "active")));

    [Fact]
    public void TagOf_FaultyDocumentAndNothingRegistered_IsCandidate() => Assert.Equal("candidate", StageRule.TagOf(Faulty, "demo", "d", "id", registered: null));

    [Fact]
    public void TagOf_FaultBesideALastGoodDocument_GoesByThat()
    {
        var documents = DocumentSet.Of([new StoredDocument("demo", Given.Document("demo", "d"), Index: 1, "not JSON")]);

        Assert.Equal("active", StageRule.TagOf(documents, "demo", "d", "id", Registered("d", "candidate")));
    }

    private static AgentService Registered(string deployment, string stage) => new()
    {
        ID = "id",
        Service = "demo",
        Tags = ["x", stage],
        Meta = new Dictionary<string, string> { ["mesh-deployment"] = deployment },
    };
}
