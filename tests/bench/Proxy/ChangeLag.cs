using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace ServiceMesh.Bench.Proxy;

/// <summary>How soon a change that is no promotion is in effect, among few and many services: a route of another host, and one more instance.</summary>
internal sealed class ChangeLag(BenchMesh mesh, (int One, int Two) backends)
{
    // As with promotions: no bursts.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public async Task<IReadOnlyList<Figure>> MeasureAsync(int services, int rounds, CancellationToken ct)
    {
        var service = $"change-{services.ToString(CultureInfo.InvariantCulture)}";
        await mesh.RegisterAsync(service, "one", backends.One, ct);
        await mesh.PutAsync(Document(service, $"{service}.example"), ct);
        await mesh.ServesAsync("/", $"{service}.example", TimeSpan.FromSeconds(60), ct);

        List<TimeSpan> routes = [], instances = [];
        using var timer = new PeriodicTimer(Pause);
        for (var round = 0; round < rounds && await timer.WaitForNextTickAsync(ct); round++)
        {
            var host = $"r{round.ToString(CultureInfo.InvariantCulture)}.{service}.example";
            var begin = Stopwatch.GetTimestamp();
            await mesh.PutAsync(Document(service, host), ct);
            await UntilAsync(host, answer => answer.Length > 0, ct);
            routes.Add(Stopwatch.GetElapsedTime(begin));

            begin = Stopwatch.GetTimestamp();
            await mesh.RegisterAsync(service, "one", backends.Two, ct, instance: "two");
            await UntilAsync(host, answer => answer.Contains("\"two\"", StringComparison.Ordinal), ct);
            instances.Add(Stopwatch.GetElapsedTime(begin));

            await mesh.DeregisterAsync(service, "two", ct);
            while ((await mesh.Http.GetFromJsonAsync<JsonElement>($"/services/{service}", ct)).GetProperty("instances").GetArrayLength() > 1)
                await timer.WaitForNextTickAsync(ct);
        }

        return
        [
            new Figure($"a host route's change → first request by it, {services} services", "ms", Samples.Of(routes)),
            new Figure($"an instance comes → first request to it, probed before, {services} services", "ms", Samples.Of(instances)),
        ];
    }

    private async Task UntilAsync(string host, Func<string, bool> wanted, CancellationToken ct)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(TimeSpan.FromSeconds(60));
        while (!wanted(await AnswerAsync(host, late.Token)))
            late.Token.ThrowIfCancellationRequested();
    }

    private async Task<string> AnswerAsync(string host, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Host = host;
        using var answer = await mesh.Http.SendAsync(request, ct);
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync(ct) : "";
    }

    private static ServiceDocument Document(string service, string host) =>
        ServiceDocument.Create(service, [new Route(host, "/", StripPath: false)]).Promote(BenchMesh.Release("one"));
}
