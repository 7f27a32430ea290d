using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>The log: one line on standard output for each thing that changed or failed, for people or for machines.</summary>
internal static class SidecarConsole
{
    private const string Timestamp = "yyyy-MM-ddTHH:mm:ss.fffZ";

    public static ILoggingBuilder AddSidecarConsole(this ILoggingBuilder logging, LogFormat format, IConfiguration settings)
    {
        logging.AddConfiguration(settings.GetSection("Logging"));
        return format == LogFormat.Json
            ? logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = Timestamp;
            })
            : logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = Timestamp + " ";
            });
    }

    /// <summary>What .NET's own reader of these settings would stop the start for; <c>null</c> if there is nothing.</summary>
    public static string? FaultOf(LogFormat format, IConfiguration settings)
    {
        try
        {
            using var services = new ServiceCollection().AddLogging(logging => logging.AddSidecarConsole(format, settings)).BuildServiceProvider();
            services.GetRequiredService<ILoggerFactory>();
            return null;
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException or TargetInvocationException)
        {
            // .NET's reader names the key in its own words, and a setter's are wrapped.
            return error is TargetInvocationException { InnerException: { } inner } ? inner.Message : error.Message;
        }
    }
}
