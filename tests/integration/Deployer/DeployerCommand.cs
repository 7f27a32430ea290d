using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.Deployer;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>
/// The deployer as its users call it, with arguments in and an exit code out; one service a test. What a test that failed has
/// left running is ended, and what runs of the service is removed.
/// </summary>
internal sealed class DeployerCommand(DeployerFixture host) : IAsyncDisposable
{
    // Longer than it takes to go back over a proxy that does not answer.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource ended = new();
    private readonly ConcurrentBag<Task> runs = [];
    private readonly ConcurrentBag<string> manifests = [];

    public string Service { get; } = ConsulFixture.Unique("svc")[..20];

    /// <summary>The name of the proxies that are asked; by default there are none.</summary>
    public string ProxyService { get; init; } = "no-proxy";

    /// <summary>How long its manifest lets a release that left the traffic finish what it has begun.</summary>
    public string Drain { get; init; } = "1s";

    /// <summary>How long its manifest lets a release take until it is healthy.</summary>
    public string Deadline { get; init; } = "20s";

    public MeshStore Store { get; } = new(host.Consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));

    public LockStore Locks { get; } = new(host.Consul, TimeProvider.System);

    /// <summary>Runs the deployer; <paramref name="onLine"/> sees each line as it is told.</summary>
    public Task<Ended> RunAsync(string[] args, Action<string>? onLine = null, CancellationTokenSource? interruption = null)
    {
        var run = InvokeAsync(args, onLine, interruption?.Token ?? CancellationToken.None);
        runs.Add(run);
        return run;
    }

    public async Task<Ended> DeployAsync(
        string version, string tests = "pass", Action<string>? onLine = null, CancellationTokenSource? interruption = null, string change = "", string more = "", string verb = "deploy", params string[] args)
    {
        var path = await WriteManifestAsync(tests, change, more);
        return await RunAsync([verb, path, "--version", version, .. args], onLine, interruption);
    }

    /// <summary>Writes a manifest into a file of its own, which is gone at the end.</summary>
    /// <returns>Its path.</returns>
    public async Task<string> WriteManifestAsync(string tests = "pass", string change = "", string more = "")
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Service}-{Guid.NewGuid():N}.yaml");
        manifests.Add(path);
        var manifest = $"""
            name: {Service}
            image: {host.Registry}/app
            port: 5000
            routes:
              - path: /{Service}
            health:
              http: /
              healthy-for: 100ms
              deadline: {Deadline}
            tests:
              image: {host.Registry}/tests:{tests}
              timeout: 20s
            drain: {Drain}
            keep: 1
            """;
        if (change.Length > 0)
        {
            var (from, to) = change.Split("=>") is [var was, var becomes] ? (was, becomes) : throw new ArgumentException($"'{change}' is no change", nameof(change));
            Assert.Contains(from, manifest, StringComparison.Ordinal);
            manifest = manifest.Replace(from, to, StringComparison.Ordinal);
        }

        await File.WriteAllTextAsync(path, manifest + "\n" + more, TestContext.Current.CancellationToken);
        return path;
    }

    public async Task<ServiceDocument?> DocumentAsync() => (await Store.ReadAsync(Service, TestContext.Current.CancellationToken))?.Document;

    public Task<IReadOnlyList<HistoryEntry>> HistoryAsync() => Store.HistoryAsync(Service, TestContext.Current.CancellationToken);

    /// <summary>Production is as if nothing had been tried: no document, no container, no lock.</summary>
    public async Task AssertUntouchedAsync()
    {
        Assert.Null(await DocumentAsync());
        Assert.Empty(await host.ContainersAsync(Service));
        Assert.Null(await Locks.HolderAsync(Service, TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await Task.WhenAll(runs).WaitAsync(Patience, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ended.Dispose();
        foreach (var manifest in manifests)
            File.Delete(manifest);
        await host.RemoveAsync(Service);
    }

    private async Task<Ended> InvokeAsync(string[] args, Action<string>? onLine, CancellationToken interruption)
    {
        using var output = new HeardWriter(onLine);
        using var error = new HeardWriter(onLine);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(interruption, ended.Token, TestContext.Current.CancellationToken);
        string[] where = args.Contains("--consul") ? [] : ["--consul", host.ConsulAddress.ToString()];
        var code = await CommandLine.InvokeAsync(
            [.. args, .. where, "--environment", host.Environment, "--proxy-service", ProxyService], output, error, either.Token);
        return new Ended((ExitCode)code, output.ToString(), error.ToString());
    }

    private sealed class HeardWriter(Action<string>? onLine) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            lock (this)
                base.WriteLine(value);
            onLine?.Invoke(value ?? "");
        }
    }
}

internal sealed record Ended(ExitCode Code, string Stdout, string Stderr = "")
{
    public string Output => Stdout + Stderr;
}
