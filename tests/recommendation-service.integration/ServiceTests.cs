using System.Net;
using Xunit;

namespace RecommendationService.IntegrationTests;

public sealed class ServiceTests(Service service)
{
    [Fact]
    public async Task Get_Health_IsOk()
    {
        Answer answer = await service.GetAsync("health");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal("ok", answer.Json.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Get_Version_IsTheDeployedOne()
    {
        Answer answer = await service.GetAsync("version");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        string? version = answer.Json.GetProperty("version").GetString();
        Assert.False(string.IsNullOrEmpty(version), $"no version in {answer.Body}");
        if (Environment.GetEnvironmentVariable("EXPECTED_VERSION") is { Length: > 0 } expected)
            Assert.Equal(expected, version);
    }

    [Theory]
    [InlineData("1/orders")]
    [InlineData("health/live")]
    public async Task Get_UnknownPath_IsNotFound(string path)
    {
        Answer answer = await service.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, answer.Status);
        Assert.Equal("application/problem+json", answer.ContentType);
    }

    [Theory]
    [InlineData("HEAD", "1")]
    [InlineData("POST", "1")]
    [InlineData("DELETE", "1")]
    [InlineData("POST", "health")]
    public async Task Send_OtherMethod_IsNotAllowed(string method, string path)
    {
        Answer answer = await service.SendAsync(new HttpMethod(method), path);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.Status);
    }
}
