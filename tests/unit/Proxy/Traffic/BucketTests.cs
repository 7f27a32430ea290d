using CsCheck;
using ServiceMesh.Proxy.Traffic.Choosing;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class BucketTests
{
    private static readonly Gen<string> Deployment = Gen.String[Gen.Char['a', 'z'], 26, 26];

    [Fact]
    public void IsSplit_OfAllBuckets_IsExactlyTheShare() =>
        Gen.Select(Deployment, Gen.Int[0, 100]).Sample((deployment, share) => Split(deployment, share).Count() == share * 100);

    [Fact]
    public void IsSplit_AGrowingShare_KeepsAllThatWereOnIt() =>
        Gen.Select(Deployment, Gen.Int[0, 100], Gen.Int[0, 100]).Sample((deployment, one, other) =>
            Split(deployment, Math.Min(one, other)).All(Split(deployment, Math.Max(one, other)).ToHashSet().Contains));

    [Fact]
    public void IsSplit_AnotherRelease_MeetsOtherClients() =>
        Assert.NotEqual(Split("first", 10), Split("second", 10));

    private static IEnumerable<int> Split(string deployment, double share) =>
        Enumerable.Range(0, Bucket.Count).Where(bucket => Bucket.IsSplit(bucket, Bucket.StartOf(deployment), share));
}
