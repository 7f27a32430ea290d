namespace RecommendationService;

/// <summary>Recommends an item of the catalogue; a stand-in for the model that a real service would ask.</summary>
internal static class Recommender
{
    /// <summary>Item ids are 0 to <see cref="CatalogueSize"/> - 1.</summary>
    public const int CatalogueSize = 10_000;

    public static Recommendation Recommend(UserId _, Random random) => new(random.Next(CatalogueSize));
}
