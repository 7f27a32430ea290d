using System.Net;
using Consul;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>
/// Requests of the deployer's own through the proxies, to the candidate and to the active release in turns, so that a
/// service that nobody uses at the moment can be judged. As many as make a sample of each twice the minimum in the baking time,
/// however long their answers take.
/// </summary>
internal sealed class SyntheticLoad(Mesh mesh, ObservationPolicy policy, ServiceDocument document, SplitMatch header)
{
    // Those of a release that never answers must not become ever more.
    private const int MostUnanswered = 256;

    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);

    /// <summary>Goes on until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        // Without cookies: each request is another client's, and a proxy would else keep all of them on one side of a split.
        // And with connections of its own: those that ask the proxies for their figures are not to wait behind slow answers.
        // A redirect leads away from the proxy that is asked.
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
        using var timer = new PeriodicTimer(PauseOf(policy, document.Split!.Share), mesh.Time);
        IReadOnlyList<Instance> proxies = [];
        List<Task> unanswered = [];
        try
        {
            for (var number = 0; await timer.WaitForNextTickAsync(ct); number++)
            {
                unanswered.RemoveAll(request => request.IsCompletedSuccessfully);
                // What is expected of a request ends none: this is a bug.
                if (unanswered.Find(request => request.IsCompleted) is { } failed)
                    await failed;
                if (unanswered.Count >= MostUnanswered)
                    mesh.Warn($"{MostUnanswered} synthetic requests are unanswered: until one of them is, no more are sent");
                else if (proxies.Count == 0)
                    proxies = await ProxiesAsync(ct);
                else
                    unanswered.AddRange([SendAsync(http, proxies[number % proxies.Count], header, ct), SendAsync(http, proxies[number % proxies.Count], null, ct)]);
            }
        }
        finally
        {
            await Task.WhenAll(unanswered);
        }
    }

    /// <summary>The time from one pair of requests to the next. Of those that are not led to the candidate its share goes there, too.</summary>
    public static TimeSpan PauseOf(ObservationPolicy policy, double share)
    {
        var pause = policy.Bake * ((100 - share) / 100) / (2.0 * policy.Minimum);
        return pause > Least ? pause : Least;
    }

    private async Task<IReadOnlyList<Instance>> ProxiesAsync(CancellationToken ct)
    {
        try
        {
            var proxies = await mesh.Proxies.ListAsync(ct);
            if (proxies.Count == 0)
                mesh.Warn($"no synthetic requests can be sent: no proxy is registered as '{mesh.Settings.ProxyService}'");
            return proxies;
        }
        catch (ConsulRequestException error)
        {
            mesh.Warn($"no synthetic requests can be sent until Consul names the proxies: {error.Message}");
            return [];
        }
    }

    // As a client would; how it ends is the proxy's to count.
    private async Task SendAsync(HttpClient http, Instance proxy, SplitMatch? match, CancellationToken ct)
    {
        var route = document.Routes[0];
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{proxy.Url}{(route.Path == "/" ? "" : route.Path)}{policy.Synthetic}");
            // Any name below the domain does for a route that takes all of them.
            request.Headers.Host = route.Host?.Replace(Route.Wildcard, "mesh-synthetic.", StringComparison.Ordinal);
            if (match is not null)
                request.Headers.TryAddWithoutValidation(match.Name, match.Value);
            using var answer = await http.SendAsync(request, ct);
            if (answer is { StatusCode: >= HttpStatusCode.Ambiguous and < HttpStatusCode.BadRequest, Headers.Location: { IsAbsoluteUri: true } to })
                mesh.Warn($"proxy {proxy.Id} sends synthetic requests on to {to.GetLeftPart(UriPartial.Authority)} ({(int)answer.StatusCode}): where it does so itself (--redirect-to-https), no release gets them");
        }
        catch (Exception error) when (error is UriFormatException or HttpRequestException { HttpRequestError: not (HttpRequestError.ResponseEnded or HttpRequestError.Unknown) })
        {
            mesh.Warn($"proxy {proxy.Id} gets no synthetic requests: {error.Message}");
        }
        catch (HttpRequestException)
        {
            // An answer that broke off: the proxy counts it.
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Nobody waits for its answer any more.
        }
    }
}
