using System.Net;
using Microsoft.AspNetCore.Builder;
using RecommendationService.IntegrationTests;
using Xunit;

[assembly: AssemblyFixture(typeof(Service))]

namespace RecommendationService.IntegrationTests;

/// <summary>The service under test: the one at URL or, without URL, one started here on a free port.</summary>
public sealed class Service : IAsyncLifetime
{
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);
    private WebApplication? own;

    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = RequestTimeout };

    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("URL") is { Length: > 0 } url)
            await UseAsync(url);
        else
            await StartOwnAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (own is not null)
            await own.DisposeAsync();
    }

    private async Task UseAsync(string url)
    {
        Http.BaseAddress = ServiceAddress.Parse(url);
        // Where a proxy stands before it, this leads to the candidate instead of to what is active.
        if (Environment.GetEnvironmentVariable("MESH_CANDIDATE") is { Length: > 0 } pass)
            Http.DefaultRequestHeaders.Add("Mesh-Candidate", pass);
        if (Environment.GetEnvironmentVariable("MESH_CANDIDATE_HOST") is { Length: > 0 } host)
            Http.DefaultRequestHeaders.Host = host;
        try
        {
            (await Http.GetAsync(new Uri("health", UriKind.Relative), TestContext.Current.CancellationToken)).Dispose();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            throw new InvalidOperationException(
                $"URL={url} cannot be reached: {e.Message} Start the service there, or unset URL to test one started here.", e);
        }
    }

    private async Task StartOwnAsync()
    {
        own = Api.Build(["--urls", $"http://{IPAddress.Loopback}:0"]);
        await own.StartAsync(TestContext.Current.CancellationToken);
        Http.BaseAddress = ServiceAddress.Parse(own.Urls.Single());
    }
}
