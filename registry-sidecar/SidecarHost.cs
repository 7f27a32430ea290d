using Consul;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar;

/// <summary>Puts the parts together.</summary>
internal static class SidecarHost
{
    /// <exception cref="ConsulConfigurationException">One of Consul's environment variables cannot be used.</exception>
    public static IHost Build(SidecarOptions options, IConfiguration settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddConfiguration(settings.GetSection("Logging")).AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });

        builder.Services
            .AddSingleton(options)
            .AddSingleton(TimeProvider.System)
            .AddSingleton<IConsulClient>(new ConsulClient(consul => consul.Address = options.ConsulAddress ?? consul.Address))
            .AddSingleton<BlockingQuery>()
            .AddSingleton<MeshStore>()
            .AddSingleton<WorkQueue>()
            .AddSingleton<RetryLedger>()
            .AddSingleton<ContainerCache>()
            .AddSingleton<AgentState>()
            .AddSingleton<AgentWriter>()
            .AddSingleton<DocumentWatch>()
            .AddHostedService(services => services.GetRequiredService<DocumentWatch>())
            .AddHostedService<ContainerWatch>()
            .AddHostedService<Reconciler>();
        return builder.Build();
    }
}
