using System.Net;
using System.Text.Json;
using Xunit;

namespace RecommendationService.IntegrationTests;

internal sealed record Answer(HttpStatusCode Status, string? ContentType, string Body)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;
}

internal static class Answers
{
    public static async Task<Answer> SendAsync(this Service service, HttpMethod method, string path)
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        using HttpRequestMessage request = new(method, new Uri(path, UriKind.Relative));
        using HttpResponseMessage response = await service.Http.SendAsync(request, ct);
        return new Answer(
            response.StatusCode,
            response.Content.Headers.ContentType?.MediaType,
            await response.Content.ReadAsStringAsync(ct));
    }

    public static Task<Answer> GetAsync(this Service service, string path) => service.SendAsync(HttpMethod.Get, path);

    public static async Task<int> RecommendAsync(this Service service, long userId)
    {
        Answer answer = await service.GetAsync($"{userId}");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        JsonProperty property = Assert.Single(answer.Json.EnumerateObject());
        Assert.Equal("rec", property.Name);
        Assert.True(property.Value.TryGetInt32(out int item), $"rec is not a whole number: {answer.Body}");
        return item;
    }
}
