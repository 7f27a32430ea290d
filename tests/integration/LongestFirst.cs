using ServiceMesh.Tests.Integration;
using ServiceMesh.Tests.Integration.Deployer;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace ServiceMesh.Tests.Integration;

/// <summary>The collections that take many minutes begin first: begun last, one of them would run on alone.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Long = [DeployerFaultsCollection.Name, DeployerCollection.Name];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderByDescending(collection => Long.Contains(collection.TestCollectionDisplayName))];
}
