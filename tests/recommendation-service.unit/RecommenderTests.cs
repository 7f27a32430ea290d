using Xunit;

namespace RecommendationService.UnitTests;

public sealed class RecommenderTests
{
    private const int Draws = 100_000;
    private const int Buckets = 10;

    private static readonly int[] Items = Draw(seed: 7671);

    [Fact]
    public void Recommend_ManyDraws_StayInTheCatalogue() =>
        Assert.All(Items, item => Assert.InRange(item, 0, Recommender.CatalogueSize - 1));

    [Fact]
    public void Recommend_ManyDraws_ReachBothEndsOfTheCatalogue()
    {
        Assert.Contains(0, Items);
        Assert.Contains(Recommender.CatalogueSize - 1, Items);
    }

    [Fact]
    public void Recommend_ManyDraws_SpreadEvenlyOverTheCatalogue()
    {
        int[] counts = new int[Buckets];
        foreach (int item in Items)
            counts[item * Buckets / Recommender.CatalogueSize]++;

        // 5 % of the expected 10,000 is five standard deviations and more.
        Assert.All(counts, count => Assert.InRange(count, Draws / Buckets * 0.95, Draws / Buckets * 1.05));
    }

    [Fact]
    public void Recommend_SameSeed_GivesTheSameItems() => Assert.Equal(Items, Draw(seed: 7671));

    [Fact]
    public void Recommend_OtherSeed_GivesOtherItems() => Assert.NotEqual(Items, Draw(seed: 1));

    private static int[] Draw(int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, Draws).Select(_ => Recommender.Recommend(new UserId(1), random).ItemId)];
    }
}
