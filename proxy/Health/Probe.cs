using System.Net;
using System.Net.Sockets;
using ServiceMesh.Proxy.Traffic.Upstreams;

namespace ServiceMesh.Proxy.Health;

/// <summary>Asks an instance once: by a TCP connection, or for the policy's path in the protocol of the service's first route.</summary>
internal sealed class Probe(Upstream upstream, TimeProvider time)
{
    /// <returns>Whether it answered in time; any 2xx for a path.</returns>
    public async Task<bool> SucceedsAsync(ProbeTarget target, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(target.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            return target.Policy is { } policy
                ? await AnswersAsync(target, policy.Path, either.Token)
                : await ConnectsAsync(target, either.Token);
        }
        catch (Exception error) when (error is SocketException or HttpRequestException or IOException
            || (error is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return false;
        }
    }

    private static async Task<bool> ConnectsAsync(ProbeTarget target, CancellationToken ct)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(target.Host, target.Port, ct);
        return true;
    }

    private async Task<bool> AnswersAsync(ProbeTarget target, string path, CancellationToken ct)
    {
        var route = target.Route ?? new Route(Host: null, "/", StripPath: false);
        using var request = new HttpRequestMessage(HttpMethod.Get, Upstream.AddressOf(route, target.Url) + path)
        {
            Version = route.Upstream == UpstreamProtocol.Http ? HttpVersion.Version11 : HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        // As its clients ask for it: by TLS its certificate is one of that name.
        if (route.HasOneHost)
            request.Headers.Host = route.Host;
        request.Headers.UserAgent.ParseAdd("mesh-proxy-probe");
        using var answer = await upstream.ClientOf(route).SendAsync(request, ct);
        return answer.IsSuccessStatusCode;
    }
}
