using System.Text;
using Consul;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Admin;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Observing;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic;
using ServiceMesh.Proxy.Traffic.Choosing;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Proxy.Traffic.Upstreams;
using ServiceMesh.Proxy.Traffic.Waiting;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy;

/// <summary>Puts the proxy together: Consul → one immutable snapshot → YARP's forwarder.</summary>
internal static class ProxyApplication
{
    /// <param name="settings">What the command line and the environment say, by the names of <see cref="ProxyOptions"/>.</param>
    public static WebApplication Build(IReadOnlyDictionary<string, string?> settings)
    {
        // The settings lie beside the program, wherever it is started from.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        AddSettings(builder, settings);
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        // A line that nobody reads is dropped and counted: what is told of a request is told on its own way, and must not wait.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);

        builder.Services.AddSingleton(TimeProvider.System);
        builder.AddCertificates();

        builder.Services.AddSingleton<IConsulClient>(services => new ConsulClient(settings =>
            settings.Address = services.GetRequiredService<IOptions<ProxyOptions>>().Value.Consul ?? settings.Address));
        builder.Services.AddSingleton<BlockingQuery>();
        builder.Services.AddSingleton<MeshStore>();

        builder.Services.AddSingleton(services => TrustedBy(services.GetRequiredService<IOptions<ProxyOptions>>().Value));
        AddFollowing(builder.Services);

        builder.Services.AddHttpForwarder();
        builder.Services.AddSingleton<Chooser>();
        builder.Services.AddSingleton<WaitingRoom>();
        builder.Services.AddSingleton<Patience>();
        builder.Services.AddSingleton<Upstream>();
        builder.Services.AddSingleton<BodyLimit>();
        // As the client of the instances reads them: byte by byte.
        builder.Services.Configure<KestrelServerOptions>(kestrel => kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1);
        builder.Services.AddSingleton<TrafficHandler>();
        builder.Services.AddSingleton<ServicesAnswer>();

        builder.AddListening();
        builder.AddAdmin();
        builder.AddObserving();

        var app = builder.Build();
        app.UseSoundFraming();
        app.UseReadiness();
        var services = app.Services.GetRequiredService<ServicesAnswer>();
        app.MapWhen(services.IsAsked, asked => asked.Map(Route.Reserved, own => own.Run(services.HandleAsync)));
        app.UseRedirectToHttps();
        app.RunTraffic();
        return app;
    }

    private static void AddFollowing(IServiceCollection services)
    {
        services.AddSingleton<SnapshotHolder>();
        services.AddSingleton<LastGoodFile>();
        services.AddSingleton<InstanceReader>();
        services.AddSingleton<InstanceFollower>();
        services.AddSingleton<MeshNews>();
        services.AddSingleton<Probe>();
        services.AddSingleton<Prober>();
        services.AddSingleton<PassiveHealth>();
        services.AddSingleton<KeyringFile>();
        services.AddSingleton<Keys>();
        services.AddHostedService(all => all.GetRequiredService<Keys>());
        services.AddSingleton<MeshFollower>();
        // The follower has the first snapshot before Kestrel begins to listen: no request meets an empty table.
        services.AddHostedService(all => all.GetRequiredService<MeshFollower>());
        services.AddHostedService<LastGoodKeeper>();
    }

    private static void AddSettings(WebApplicationBuilder builder, IReadOnlyDictionary<string, string?> settings)
    {
        // In a section of its own: the environment's PORT or STATE is somebody else's.
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"Proxy:{setting.Key}", setting.Value)));
        builder.Services.AddOptions<ProxyOptions>().BindConfiguration("Proxy").ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<ProxyOptions>, ProxyOptionsValidator>();
        // The host is the first to read a setting, while the application is built: before it does, all faults are told at once.
        builder.Services.AddOptions<HostOptions>().Configure<IStartupValidator>((_, all) => Validate(all));
    }

    private static void Validate(IStartupValidator settings)
    {
        try
        {
            settings.Validate();
        }
        catch (AggregateException several) when (several.InnerExceptions.All(error => error is OptionsValidationException))
        {
            throw new OptionsValidationException(
                "Proxy",
                typeof(ProxyOptions),
                several.InnerExceptions.Cast<OptionsValidationException>().SelectMany(error => error.Failures).Distinct(StringComparer.Ordinal));
        }
        // What cannot be read at all, such as "30s", .NET tells by the setting and the value, and not how it is spelled.
        catch (InvalidOperationException error) when (error.Message.Contains(typeof(TimeSpan).FullName!, StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"{error.Message} A time is written hh:mm:ss, such as 00:00:30.", error);
        }
    }

    private static TrustedProxies TrustedBy(ProxyOptions options)
    {
        TrustedProxies.TryParse(options.TrustedProxies, out var trusted);
        return trusted;
    }
}
