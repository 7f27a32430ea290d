using System.Diagnostics;
using System.Globalization;
using System.Net;
using ServiceMesh.Proxy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

public sealed class StopTests(ConsulFixture consul) : IDisposable
{
    private readonly string state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(state, recursive: true);

    [Fact]
    public async Task SigTerm_WithARequestInFlight_WaitsForItsAnswer()
    {
        await using var backend = await Backend.StartAsync("one");
        var service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        await service.PromoteAsync("one");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{FreePort.Next()}") };
        using var proxy = Start(http.BaseAddress.Port);
        try
        {
            await UntilServingAsync(http, service.Name);

            var held = http.GetStringAsync($"/{service.Name}/held", Ct);
            await UntilInFlightAsync(http, service.Name);
            using var kill = Process.Start("kill", ["-TERM", proxy.Id.ToString(CultureInfo.InvariantCulture)]);

            // Longer than the two seconds that System.CommandLine would give it.
            await Assert.ThrowsAsync<TimeoutException>(() => held.WaitAsync(TimeSpan.FromSeconds(3), Ct));
            backend.Release();
            Assert.Equal("one", await held);
            await proxy.WaitForExitAsync(Ct);
            Assert.Equal(0, proxy.ExitCode);
        }
        finally
        {
            proxy.Kill();
            await proxy.WaitForExitAsync(CancellationToken.None);
        }
    }

    private Process Start(int port) => Process.Start(new ProcessStartInfo("dotnet")
    {
        ArgumentList =
        {
            typeof(ProxyCommand).Assembly.Location,
            "--port", port.ToString(CultureInfo.InvariantCulture),
            "--admin-port", "0",
            "--consul", consul.Address.ToString(),
            "--state", state,
        },
    })!;

    private static Task UntilServingAsync(HttpClient http, string service) => UntilAsync(async ct =>
    {
        using var answer = await http.GetAsync($"/{service}/", ct);
        return answer.StatusCode == HttpStatusCode.OK;
    });

    private static Task UntilInFlightAsync(HttpClient http, string service) => UntilAsync(async ct =>
        (await http.GetStringAsync($"/services/{service}", ct)).Contains("\"inFlight\":1", StringComparison.Ordinal));

    private static async Task UntilAsync(Func<CancellationToken, Task<bool>> reached)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await TryAsync(reached, late.Token))
            await timer.WaitForNextTickAsync(late.Token);
    }

    private static async Task<bool> TryAsync(Func<CancellationToken, Task<bool>> reached, CancellationToken ct)
    {
        try
        {
            return await reached(ct);
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
