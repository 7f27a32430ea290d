using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The proxies, asked one by one at their own address.</summary>
internal sealed class ProxyFleet(Catalog catalog, HttpClient http, string proxyService, TimeProvider time)
{
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);

    // A proxy follows within milliseconds: whoever waits for it is late by a third of that at the most.
    private const double Growth = 1.3;

    // Those that answered, or that were healthy when they were asked, by their addresses.
    private readonly ConcurrentDictionary<string, Instance> served = new(StringComparer.Ordinal);

    /// <summary>The proxies that are registered.</summary>
    public async Task<IReadOnlyList<Instance>> ListAsync(CancellationToken ct) =>
        await ConsulAnswer.OfAsync(() => catalog.InstancesAsync(proxyService, ct), time, ct);

    /// <summary>What every proxy says about the service; <c>null</c> from one that does not answer as a proxy does, and <paramref name="unknown"/> from one that does not know it.</summary>
    public async Task<IReadOnlyDictionary<Instance, ProxyAnswer?>> AskAsync(
        string service, IReadOnlyList<Instance> proxies, CancellationToken ct, ProxyAnswer? unknown = null)
    {
        var answers = await Task.WhenAll(proxies.Select(proxy => AskAsync(service, proxy, unknown, ct)));
        foreach (var (proxy, _) in proxies.Zip(answers).Where(pair => pair.Second is not null || pair.First.IsHealthy))
            served[proxy.Url] = proxy;
        return proxies.Zip(answers).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    /// <summary>Asks until <paramref name="enough"/> is satisfied or the time is over; the last answers either way.</summary>
    public async Task<IReadOnlyDictionary<Instance, ProxyAnswer?>> AskUntilAsync(
        string service,
        IReadOnlyList<Instance> proxies,
        Func<IReadOnlyDictionary<Instance, ProxyAnswer?>, bool> enough,
        TimeSpan within,
        CancellationToken ct,
        ProxyAnswer? unknown = null)
    {
        var began = time.GetTimestamp();
        var pause = ShortestPause;
        while (true)
        {
            var answers = await AskAsync(service, proxies, ct, unknown);
            if (enough(answers) || time.GetElapsedTime(began) >= within)
                return answers;
            await Task.Delay(pause, time, ct);
            pause = pause * Growth < LongestPause ? pause * Growth : LongestPause;
        }
    }

    /// <summary>
    /// Asks until it is certain that nothing is in flight on these deployments or instances, or the drain time is over; the last answers either
    /// way. A proxy that served when it was asked before is asked although it is registered no more; one that is gone and silent is given all of that time, once.
    /// </summary>
    public async Task<IReadOnlyDictionary<Instance, ProxyAnswer?>> DrainAsync(
        string service, ulong index, IReadOnlySet<string> left, TimeSpan drain, CancellationToken ct)
    {
        var proxies = ProxyState.WithGone(await ListAsync(ct), [.. served.Values]);
        var last = await AskUntilAsync(service, proxies, all => ProxyState.IsDrained(all, index, left), drain, ct);
        foreach (var (proxy, _) in last.Where(pair => pair.Value is null))
            served.TryRemove(proxy.Url, out _);
        return last;
    }

    /// <summary>
    /// Whether the proxy behind a service's address answers with a redirect of its own. It is asked with a pass that is none, so no release
    /// gets to see the request. One that does not answer in time, as in a pause, does not redirect.
    /// </summary>
    public async Task<bool> RedirectsAsync(string url, string? host, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(AnswersWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Host = host } };
            request.Headers.TryAddWithoutValidation(CandidatePass.Header, "none");
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return answer.StatusCode is >= HttpStatusCode.Ambiguous and < HttpStatusCode.BadRequest;
        }
        catch (Exception error) when (error is HttpRequestException or IOException or UriFormatException
            || (error is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return false;
        }
    }

    private async Task<ProxyAnswer?> AskAsync(string service, Instance proxy, ProxyAnswer? unknown, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(AnswersWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            return await http.GetFromJsonAsync($"{proxy.Url}/services/{service}", ProxyJson.Default.ProxyAnswer, either.Token);
        }
        catch (HttpRequestException error) when (error.StatusCode == HttpStatusCode.NotFound)
        {
            return unknown;
        }
        // The last three: an address that makes no URL, and an answer that is no text.
        catch (Exception error) when (error is HttpRequestException or JsonException or IOException
            or UriFormatException or InvalidOperationException or NotSupportedException
            || (error is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return null;
        }
    }
}
