using System.Diagnostics;
using System.Globalization;
using Consul;

namespace ServiceMesh.Bench.Proxy;

/// <summary>
/// A growing number of services with a host route each: what a reload costs the requests that are on their way, the memory,
/// the connections to Consul, and how soon a promotion is in effect.
/// </summary>
internal sealed class ManyServices(BenchMesh mesh, (int One, int Two) backends, BenchLength length) : IDisposable
{
    private const int Changes = 40;
    private const int OnEachHost = 50;

    private static readonly Bar Slowest = new(Max: 150);

    // 300 MB.
    private const double MostMemory = 300_000_000.0 / (1024 * 1024);
    private const int Measured = 5000;

    private readonly HttpClient direct = new() { BaseAddress = new Uri($"http://127.0.0.1:{backends.One}") };
    private int known;

    public async Task<IReadOnlyList<Figure>> MeasureAsync(IReadOnlyList<int> steps, CancellationToken ct)
    {
        List<Figure> figures = [];
        var (lag, changes) = (new PromotionLag(mesh, backends), new ChangeLag(mesh, backends));
        var rounds = length == BenchLength.Quick ? 40 : 200;
        foreach (var services in steps)
        {
            var from = known;
            if (from == 0)
                await GrowAsync(services, ct);
            else
                figures.Add(await UnderLoadAsync($"a request while {from} services become {services}", () => GrowAsync(services, ct), ct));
            figures.Add(await UnderLoadAsync($"a request while documents and checks change, {services} services with host routes", () => ChangeAsync(services, ct), ct));
            figures.Add(Of("proxy's resident memory", "MiB", services, mesh.Proxy.MemoryMiB, services == Measured ? new Bar(Max: MostMemory) : null));
            figures.Add(Of("proxy's peak memory", "MiB", services, mesh.Proxy.PeakMemoryMiB));
            figures.Add(Of("proxy's connections to Consul", "", services, mesh.Proxy.ConnectionsTo(mesh.Consul.Address), services == Measured ? new Bar(Max: 16) : null));
            figures.Add(await lag.MeasureAsync(services, rounds, ct));
            figures.AddRange(await changes.MeasureAsync(services, rounds / 4, ct));
        }

        return figures;
    }

    public void Dispose() => direct.Dispose();

    private async Task GrowAsync(int services, CancellationToken ct)
    {
        await Parallel.ForEachAsync(
            Enumerable.Range(known, services - known),
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = ct },
            async (number, token) =>
            {
                await RegisterAsync(number, HealthStatus.Passing, token);
                await mesh.PutAsync(Document(number, "one"), token);
            });
        known = services;
        await mesh.ServesAsync("/", Host(services - 1), TimeSpan.FromMinutes(3), ct);
    }

    // Requests to one service while others change: none of them may be slowed by the reload. What the machine itself does to a
    // request meanwhile, all that Consul and this program need for the change among it, is told by those that meet no proxy.
    private async Task<Figure> UnderLoadAsync(string name, Func<Task> change, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var load = Enumerable.Range(0, 8).Select(_ => AskAsync(mesh.Http, Host(0), stop.Token)).ToArray();
        var control = Enumerable.Range(0, 2).Select(_ => AskAsync(direct, Host(0), stop.Token)).ToArray();
        await change();
        await stop.CancelAsync();
        return new Figure(name, "ms", await AllAsync(load), "without a proxy", await AllAsync(control), Slowest);
    }

    private static async Task<Samples> AllAsync(Task<List<TimeSpan>>[] load) => Samples.Of((await Task.WhenAll(load)).SelectMany(list => list));

    // In turns a document whose routes stay, one whose host is another, and a check that fails and passes.
    private async Task ChangeAsync(int services, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        for (var change = 0; change < Changes && await timer.WaitForNextTickAsync(ct); change++)
        {
            var number = 1 + (change % (services - 1));
            await ((change % 3) switch
            {
                0 => mesh.PutAsync(Document(number, $"v{change}"), ct),
                1 => mesh.PutAsync(Document(number, "one", $"v{change}.{Host(number)}"), ct),
                _ => FlapAsync(number, ct),
            });
        }
    }

    private async Task FlapAsync(int number, CancellationToken ct)
    {
        await RegisterAsync(number, HealthStatus.Critical, ct);
        await RegisterAsync(number, HealthStatus.Passing, ct);
    }

    private Task RegisterAsync(int number, HealthStatus status, CancellationToken ct) => mesh.RegisterOnAsync(
        string.Create(CultureInfo.InvariantCulture, $"host-{number / OnEachHost}"), Name(number), "one", backends.One, status, ct);

    private static async Task<List<TimeSpan>> AskAsync(HttpClient http, string host, CancellationToken stop)
    {
        List<TimeSpan> times = [];
        while (!stop.IsCancellationRequested)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/");
            request.Headers.Host = host;
            var begin = Stopwatch.GetTimestamp();
            using var answer = await http.SendAsync(request, CancellationToken.None);
            times.Add(Stopwatch.GetElapsedTime(begin));
            if (!answer.IsSuccessStatusCode)
                throw new InvalidOperationException($"a request to {host} got {answer.StatusCode}");
        }

        return times;
    }

    private static Figure Of(string name, string unit, int services, double value, Bar? bar = null) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{name}, {services} services"), unit, Samples.Of([value]), Bar: bar);

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"many-{number}");

    private static string Host(int number) => $"{Name(number)}.example";

    // The version changes the document, the deployment stays: what serves stays the same.
    private static ServiceDocument Document(int number, string version, string? host = null) =>
        ServiceDocument.Create(Name(number), [new Route(host ?? Host(number), "/", StripPath: false)])
            .Promote(BenchMesh.Release("one") with { Version = version });
}
