using System.Diagnostics;
using System.Globalization;
using System.Net;
using Consul;

namespace ServiceMesh.Bench.Proxy;

/// <summary>
/// From the change of a service's document in KV to the first request that the newly active instance answers, among few and
/// many services. The peer is a bare blocking query of this program on the same key.
/// </summary>
internal sealed class PromotionLag(BenchMesh mesh, (int One, int Two) backends)
{
    private const int WarmUp = 20;

    // Promotions do not come in bursts; in a burst the rate limit of the watches would be measured instead.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public async Task<Figure> MeasureAsync(int services, int rounds, CancellationToken ct)
    {
        var service = $"lag-{services.ToString(CultureInfo.InvariantCulture)}";
        await mesh.RegisterAsync(service, "one", backends.One, ct);
        await mesh.RegisterAsync(service, "two", backends.Two, ct);
        var document = ServiceDocument.Create(service, [new Route(Host: null, $"/{service}", StripPath: true)]).Promote(BenchMesh.Release("one"));
        await mesh.PutAsync(document, ct);
        await mesh.ServesAsync($"/{service}/", host: null, TimeSpan.FromSeconds(60), ct);

        List<TimeSpan> ours = [], bare = [];
        using var timer = new PeriodicTimer(Pause);
        for (var round = 0; round < rounds + WarmUp && await timer.WaitForNextTickAsync(ct); round++)
        {
            var next = round % 2 == 0 ? "two" : "one";
            document = document.Promote(BenchMesh.Release(next));
            var index = (await mesh.Consul.Client.KV.Get(BenchMesh.Key(service), ct)).LastIndex;
            var woken = WokenAsync(service, index, ct);
            var begin = Stopwatch.GetTimestamp();
            await mesh.PutAsync(document, ct);
            while (!(await AnswerAsync(service, ct)).Contains($"\"{next}\"", StringComparison.Ordinal))
                ct.ThrowIfCancellationRequested();
            var answered = Stopwatch.GetTimestamp();
            var wokenAt = await woken;
            // The first rounds warm the code up on both sides.
            if (round < WarmUp)
                continue;
            ours.Add(Stopwatch.GetElapsedTime(begin, answered));
            bare.Add(Stopwatch.GetElapsedTime(begin, wokenAt));
        }

        return new Figure(
            string.Create(CultureInfo.InvariantCulture, $"KV change → first request on the new instance, {services} services"),
            "ms",
            Samples.Of(ours),
            "a bare blocking query",
            Samples.Of(bare),
            services switch { <= 10 => new Bar(P50: 10, P99: 25), <= 5000 => new Bar(P99: 100), _ => null });
    }

    private async Task<long> WokenAsync(string service, ulong index, CancellationToken ct)
    {
        await mesh.Consul.Client.KV.Get(BenchMesh.Key(service), new QueryOptions { WaitIndex = index }, ct);
        return Stopwatch.GetTimestamp();
    }

    private async Task<string> AnswerAsync(string service, CancellationToken ct)
    {
        using var answer = await mesh.Http.GetAsync($"/{service}/", ct);
        return answer.StatusCode == HttpStatusCode.OK ? await answer.Content.ReadAsStringAsync(ct) : "";
    }
}
