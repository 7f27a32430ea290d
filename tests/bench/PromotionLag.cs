using System.Diagnostics;
using Consul;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ServiceMesh.Bench;

/// <summary>
/// From the change of a service's document in KV to the first request that the newly active instance answers. The peer is
/// a bare blocking query of this program on the same key.
/// </summary>
internal static class PromotionLag
{
    private const int Rounds = 200;

    // Promotions do not come in bursts; in a burst the rate limit of the watches would be measured instead.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public static async Task<IEnumerable<Figure>> MeasureAsync(IConsulClient consul, CancellationToken ct)
    {
        var service = $"bench-{Guid.NewGuid():N}"[..20];
        await using var one = await StartAsync("one", ct);
        await using var two = await StartAsync("two", ct);
        using var http = new HttpClient { BaseAddress = await ProxyAsync(consul, ct) };
        try
        {
            await RegisterAsync(consul, service, "one", one, ct);
            await RegisterAsync(consul, service, "two", two, ct);
            return [await MeasureAsync(consul, http, service, ct)];
        }
        finally
        {
            await consul.KV.Delete(Key(service), CancellationToken.None);
            await consul.Agent.ServiceDeregister($"{service}-one", CancellationToken.None);
            await consul.Agent.ServiceDeregister($"{service}-two", CancellationToken.None);
        }
    }

    private static async Task<Figure> MeasureAsync(IConsulClient consul, HttpClient http, string service, CancellationToken ct)
    {
        List<TimeSpan> ours = [], bare = [];
        var document = ServiceDocument.Create(service, [new Route(Host: null, $"/{service}", StripPath: true)]);
        using var timer = new PeriodicTimer(Pause);
        for (var round = 0; round < Rounds + 20 && await timer.WaitForNextTickAsync(ct); round++)
        {
            var next = round % 2 == 0 ? "one" : "two";
            document = document.Promote(new Release(next, next, "image@sha256:0", DateTimeOffset.UnixEpoch));
            var index = (await consul.KV.Get(Key(service), ct)).LastIndex;
            var woken = WokenAsync(consul, service, index, ct);
            var begin = Stopwatch.GetTimestamp();
            await consul.KV.Put(new KVPair(Key(service)) { Value = DocumentFormat.Write(document) }, ct);
            while (await AnswerAsync(http, service, ct) != next)
                ct.ThrowIfCancellationRequested();
            var answered = Stopwatch.GetTimestamp();
            // The first rounds warm the code up on both sides.
            var wokenAt = await woken;
            if (round < 20)
                continue;
            ours.Add(Stopwatch.GetElapsedTime(begin, answered));
            bare.Add(Stopwatch.GetElapsedTime(begin, wokenAt));
        }

        return new Figure(
            "KV change → first request on the new instance", "ms", Samples.Of(ours), "KV change → a bare blocking query", Samples.Of(bare));
    }

    private static async Task<long> WokenAsync(IConsulClient consul, string service, ulong index, CancellationToken ct)
    {
        await consul.KV.Get(Key(service), new QueryOptions { WaitIndex = index }, ct);
        return Stopwatch.GetTimestamp();
    }

    private static async Task<string> AnswerAsync(HttpClient http, string service, CancellationToken ct)
    {
        using var answer = await http.GetAsync($"/{service}/", ct);
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync(ct) : "";
    }

    private static async Task<Uri> ProxyAsync(IConsulClient consul, CancellationToken ct)
    {
        var proxies = (await consul.Health.Service("proxy", "", passingOnly: true, ct)).Response;
        return proxies.Length > 0
            ? new Uri(Instance.From(proxies[0]).Url)
            : throw new InvalidOperationException("no proxy is registered and healthy: bring the mesh up with ./mesh up");
    }

    private static Task RegisterAsync(IConsulClient consul, string service, string deployment, WebApplication backend, CancellationToken ct) =>
        consul.Agent.ServiceRegister(
            new AgentServiceRegistration
            {
                ID = $"{service}-{deployment}",
                Name = service,
                Address = "127.0.0.1",
                Port = new Uri(backend.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port,
                Meta = new Dictionary<string, string>(StringComparer.Ordinal) { [InstanceMeta.Deployment] = deployment },
            },
            ct);

    private static async Task<WebApplication> StartAsync(string name, CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(context => context.Response.WriteAsync(name));
        await app.StartAsync(ct);
        return app;
    }

    private static string Key(string service) => $"mesh/services/{service}";
}
