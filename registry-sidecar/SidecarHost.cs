using Consul;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar;

/// <summary>Puts the parts together.</summary>
internal static class SidecarHost
{
    /// <summary>
    /// The agent answers within milliseconds. Nothing that happens meanwhile is written before a call that hangs was given up.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <exception cref="ConsulConfigurationException">One of Consul's environment variables cannot be used.</exception>
    /// <exception cref="StatusPortException">The status port cannot be had.</exception>
    public static IHost Build(SidecarOptions options, IConfiguration settings)
    {
        var consul = new ConsulClient(consul =>
        {
            consul.Address = ConsulAddress.Of(options, consul.Address);
            consul.RequestTimeout = Patience;
        });
        return new HostBuilder()
            .ConfigureHostOptions(host => host.ShutdownTimeout = Farewell(options.OnExit))
            .ConfigureLogging(logging => logging.AddSidecarConsole(options.LogFormat, settings))
            // First in, last out: it tells of the end, too.
            .AddStatusPort(options)
            .ConfigureServices(services => services
                .AddSingleton(options)
                .AddSingleton(TimeProvider.System)
                // By a function, so that it is disposed with the rest.
                .AddSingleton<IConsulClient>(_ => consul)
                .AddSidecarParts()
                .AddHostedService(provider => provider.GetRequiredService<DocumentWatch>())
                .AddHostedService<ContainerWatch>()
                .AddHostedService(provider => provider.GetRequiredService<Reconciler>()))
            .Build();
    }

    /// <summary>The parts that work together, but for the options, the clock, the way to Consul and the way to Docker.</summary>
    public static IServiceCollection AddSidecarParts(this IServiceCollection services) => services
        .AddMetrics()
        .AddSingleton<BlockingQuery>()
        .AddSingleton<MeshStore>()
        .AddSingleton<SidecarStatus>()
        .AddSingleton<SidecarMetrics>()
        .AddSingleton<WorkQueue>()
        .AddSingleton<RetryLedger>()
        .AddSingleton<ContainerCache>()
        .AddSingleton<AgentState>()
        .AddSingleton<AgentWriter>()
        .AddSingleton<DocumentWatch>()
        .AddSingleton<OthersWatch>()
        .AddSingleton<Reconciler>();

    // How long the end may take, whoever hangs: Docker kills what has not ended 10 s after its SIGTERM.
    private static TimeSpan Farewell(OnExit onExit) => TimeSpan.FromSeconds(onExit == OnExit.Deregister ? 8 : 1.5);
}
