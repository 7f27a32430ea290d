using System.Diagnostics;
using Docker.DotNet.Models;
using ServiceMesh.Docker;

namespace ServiceMesh.Bench;

/// <summary>Our sidecar, as an image of it runs in a mesh but for the default check, which Registrator does not have either; the settings may bring it back.</summary>
internal sealed class SidecarRegistrar : IAsyncDisposable
{
    private const string Image = "mesh/registry-sidecar:dev";
    private const string Socket = "/var/run/docker.sock";

    /// <summary>The setting of the default check, without its value.</summary>
    public const string DefaultCheck = "SIDECAR_DEFAULT_CHECK=";

    private readonly BenchContainers containers;

    private SidecarRegistrar(BenchContainers containers, string container)
    {
        this.containers = containers;
        Container = container;
    }

    public string Container { get; }

    public static async Task<SidecarRegistrar> StartAsync(BenchContainers containers, BenchConsul consul, CancellationToken ct, string address = "127.0.0.1", params string[] settings)
    {
        var sidecar = await CreateAsync(containers, consul, ct, address, settings);
        await sidecar.StartAsync(ct);
        return sidecar;
    }

    public static async Task<SidecarRegistrar> CreateAsync(BenchContainers containers, BenchConsul consul, CancellationToken ct, string address = "127.0.0.1", params string[] settings)
    {
        var container = await containers.CreateAsync(
            new CreateContainerParameters
            {
                Image = Image,
                User = "0",
                Env =
                [
                    $"CONSUL_HTTP_ADDR={consul.Address}", $"SIDECAR_ENVIRONMENT={containers.Mesh}", $"SIDECAR_IP={address}",
                    // A check on a container that does not listen would only be noise.
                    .. settings.Any(setting => setting.StartsWith(DefaultCheck, StringComparison.Ordinal)) ? [] : (string[])[$"{DefaultCheck}none"],
                    "SERVICE_IGNORE=true", .. settings,
                ],
                HostConfig = new HostConfig { NetworkMode = "host", Binds = [$"{DockerEngine.DefaultEndpoint.LocalPath}:{Socket}:ro"] },
            },
            ct);
        return new SidecarRegistrar(containers, container);
    }

    public Task StartAsync(CancellationToken ct) => containers.StartAsync(Container, ct);

    public async ValueTask DisposeAsync() => await containers.RemoveAsync(Container);
}

/// <summary>Registrator itself, where the variable <c>REGISTRATOR</c> names its binary.</summary>
internal sealed class RegistratorRegistrar : IAsyncDisposable
{
    private readonly Process process;

    private RegistratorRegistrar(Process process) => this.process = process;

    public static string? Binary => Environment.GetEnvironmentVariable("REGISTRATOR") is { Length: > 0 } path ? path : null;

    public static async Task<RegistratorRegistrar> StartAsync(BenchConsul consul, CancellationToken ct)
    {
        var start = new ProcessStartInfo(Binary!, ["-ip", "127.0.0.1", $"consul://{consul.Address.Authority}"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOCKER_HOST"] = $"unix://{DockerEngine.DefaultEndpoint.LocalPath}";
        var started = Process.Start(start) ?? throw new InvalidOperationException($"{Binary} cannot be started");
        var listening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        started.ErrorDataReceived += (_, line) =>
        {
            if (line.Data?.Contains("Listening for Docker events", StringComparison.Ordinal) is true)
                listening.TrySetResult();
        };
        // Read to their end, so that it never waits for a full pipe.
        started.BeginOutputReadLine();
        started.BeginErrorReadLine();
        var registrator = new RegistratorRegistrar(started);
        try
        {
            await listening.Task.WaitAsync(TimeSpan.FromSeconds(20), ct);
            return registrator;
        }
        catch (TimeoutException error)
        {
            await registrator.DisposeAsync();
            throw new InvalidOperationException($"{Binary} did not begin to listen for Docker's events", error);
        }
        catch
        {
            await registrator.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
