using System.Net;
using Xunit;

namespace RecommendationService.IntegrationTests;

public sealed class RecommendationTests(Service service)
{
    [Theory]
    [InlineData(1)]
    [InlineData(42)]
    [InlineData(long.MaxValue)]
    public async Task Get_User_AnswersOneItemOfTheCatalogue(long userId) =>
        Assert.InRange(await service.RecommendAsync(userId), 0, Recommender.CatalogueSize - 1);

    [Fact]
    public async Task Get_User_AnswersJson()
    {
        Answer answer = await service.GetAsync("1");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal("application/json", answer.ContentType);
    }

    [Fact]
    public async Task Get_ManyUsersAtOnce_AnswersEach()
    {
        int[] items = await Task.WhenAll(Enumerable.Range(1, 50).Select(user => service.RecommendAsync(user)));
        Assert.All(items, item => Assert.InRange(item, 0, Recommender.CatalogueSize - 1));
    }

    [Fact]
    public async Task Get_OneUserManyTimes_AnswersVary()
    {
        HashSet<int> items = [];
        for (int call = 0; call < 100; call++)
            items.Add(await service.RecommendAsync(1));

        // 100 draws of 10,000 hold 99.5 different items on average; fewer than 50 is no accident.
        Assert.InRange(items.Count, 50, 100);
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("%201")]
    [InlineData("9223372036854775808")]
    [InlineData("<script>")]
    public async Task Get_BadUserId_IsRefusedWithTheInputAndTheMend(string userId)
    {
        Answer answer = await service.GetAsync(userId);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
        Assert.Equal(400, answer.Json.GetProperty("status").GetInt32());
        string detail = answer.Json.GetProperty("detail").GetString()!;
        Assert.Contains($"'{Uri.UnescapeDataString(userId)}'", detail);
        Assert.Contains("whole number", detail);
    }
}
