using System.Globalization;
using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Bench.Proxy;

/// <summary>Promotions in a row under load, with Consul's leader restarted in between: no request may fail.</summary>
internal sealed class Promotions(DockerClient docker, BenchMesh mesh, (int One, int Two) backends)
{
    private const string Service = "promoted";
    private const int Count = 100;
    private static readonly string[] Deployments = ["one", "two"];

    public async Task<IReadOnlyList<Figure>> MeasureAsync(CancellationToken ct)
    {
        foreach (var (deployment, port) in Deployments.Zip([backends.One, backends.Two]))
            await mesh.RegisterAsync(Service, deployment, port, ct);
        var document = ServiceDocument.Create(Service, [new Route(Host: null, $"/{Service}", StripPath: true)]).Promote(BenchMesh.Release("one"));
        await mesh.PutAsync(document, ct);
        await mesh.ServesAsync($"/{Service}/", host: null, TimeSpan.FromSeconds(10), ct);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var load = Enumerable.Range(0, 16).Select(_ => AskAsync(stop.Token)).ToArray();
        for (var number = 0; number < Count; number++)
        {
            if (number == Count / 2)
                await RestartConsulAsync(ct);
            document = document.Promote(BenchMesh.Release(number % 2 == 0 ? "two" : "one"));
            await mesh.PutAsync(document, ct);
            await AppliedAsync(document.Active!.Deployment, ct);
        }

        await stop.CancelAsync();
        var counts = await Task.WhenAll(load);
        var (sent, failed) = (counts.Sum(count => count.Sent), counts.Sum(count => count.Failed));
        return
        [
            new Figure(string.Create(CultureInfo.InvariantCulture, $"requests during {Count} promotions with a restart of Consul's leader"), "", Samples.Of([sent])),
            new Figure("of them failed", "", Samples.Of([failed]), Bar: new Bar(Max: 0)),
        ];
    }

    private async Task RestartConsulAsync(CancellationToken ct)
    {
        await docker.Containers.RestartContainerAsync(mesh.Consul.Container, new ContainerRestartParameters { WaitBeforeKillSeconds = 1 }, ct);
        await mesh.Consul.ReadyAsync(ct);
        // An agent that starts again takes a check for failed that was never reported: all would serve for want of a better one.
        foreach (var deployment in Deployments)
            await mesh.PassAsync(Service, deployment, ct);
    }

    private async Task AppliedAsync(string deployment, CancellationToken ct)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(TimeSpan.FromSeconds(60));
        while (!(await mesh.Http.GetStringAsync($"/{Service}/", late.Token)).Contains($"\"{deployment}\"", StringComparison.Ordinal))
            late.Token.ThrowIfCancellationRequested();
    }

    private async Task<(long Sent, long Failed)> AskAsync(CancellationToken stop)
    {
        var (sent, failed) = (0L, 0L);
        while (!stop.IsCancellationRequested)
        {
            sent++;
            try
            {
                // With a content, of nothing: .NET's client sends one without again, in silence, where a connection ends without an answer.
                using var request = new HttpRequestMessage(HttpMethod.Get, $"/{Service}/") { Content = new ByteArrayContent([]) };
                using var answer = await mesh.Http.SendAsync(request, CancellationToken.None);
                failed += answer.StatusCode == HttpStatusCode.OK ? 0 : 1;
            }
            catch (HttpRequestException)
            {
                failed++;
            }
        }

        return (sent, failed);
    }
}
