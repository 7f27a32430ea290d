using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using ServiceMesh.Proxy.Traffic;

namespace ServiceMesh.Proxy.Observing;

/// <summary>Adds the access log and the traces, each where it is wanted.</summary>
internal static class ObservingSetup
{
    private const string NameVariable = "OTEL_SERVICE_NAME";

    public static void AddObserving(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ObservingOptions>().BindConfiguration("Proxy").ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<ObservingOptions>, ObservingOptionsValidator>();
        builder.Services.AddSingleton<AccessLog>();
        builder.Services.AddHostedService(services => services.GetRequiredService<AccessLog>());
        builder.Services.AddSingleton<RequestObserver>();
        // The output is the access log's alone then.
        if (builder.Configuration["Proxy:AccessLog"] == ObservingOptions.StandardOutput)
            builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (Tracing.EndpointOf(builder.Configuration) is null)
            return;
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                if (builder.Configuration[NameVariable] is null)
                    resource.AddService("mesh-proxy");
            })
            .WithTracing(traces => traces.AddSource(Tracing.SourceName).AddOtlpExporter());
    }

    /// <summary>Ends the pipeline: the requests that are nobody else's are the traffic.</summary>
    public static void RunTraffic(this WebApplication app)
    {
        var (observer, traffic) = (app.Services.GetRequiredService<RequestObserver>(), app.Services.GetRequiredService<TrafficHandler>());
        app.Run(observer.IsNeeded ? observer.HandleAsync : traffic.HandleAsync);
    }
}
