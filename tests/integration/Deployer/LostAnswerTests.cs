using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using ServiceMesh.Deployer;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Consul's connection breaks in the very transaction: the deployer must find out whether it took place.</summary>
[Collection(DeployerCollection.Name)]
public sealed class LostAnswerTests(DeployerFixture host) : IDisposable
{
    private readonly DeployerCommand deployer = new(host);
    private readonly HttpClient http = new();
    private bool lost;

    public void Dispose() => http.Dispose();

    [Fact]
    public async Task Deploy_ThePromotionTookPlace_IsDone()
    {
        await using var front = await StubConsul.Start(context => ForwardAsync(context, loseTheAnswer: true), TestContext.Current.CancellationToken);

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("Consul went away during the promotion", ended.Output, StringComparison.Ordinal);
        Assert.Equal("v1", (await deployer.DocumentAsync())!.Active!.Version);
        Assert.Equal("running", Assert.Single(await host.ContainersAsync(deployer.Service)).State);
    }

    [Fact]
    public async Task Deploy_ThePromotionDidNotTakePlace_IsUndone()
    {
        await using var front = await StubConsul.Start(context => ForwardAsync(context, loseTheAnswer: false), TestContext.Current.CancellationToken);

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains("it did not take place", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    // The first transaction is the promotion.
    private async Task ForwardAsync(HttpContext context, bool loseTheAnswer)
    {
        var isPromotion = context.Request.Path == "/v1/txn" && !Interlocked.Exchange(ref lost, true);
        if (isPromotion && !loseTheAnswer)
        {
            context.Abort();
            return;
        }

        var ct = context.RequestAborted;
        using var request = new HttpRequestMessage(
            new HttpMethod(context.Request.Method), new Uri(host.ConsulAddress, context.Request.Path + context.Request.QueryString));
        if (context.Request.ContentLength > 0)
            request.Content = new StreamContent(context.Request.Body);
        using var response = await http.SendAsync(request, ct);
        if (isPromotion)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Where(header => header.Key.StartsWith("X-Consul-", StringComparison.Ordinal)))
            context.Response.Headers[name] = values.ToArray();
        context.Response.ContentType = (response.Content.Headers.ContentType ?? new MediaTypeHeaderValue("application/json")).ToString();
        await context.Response.Body.WriteAsync(await response.Content.ReadAsByteArrayAsync(ct), ct);
    }
}
