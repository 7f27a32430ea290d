using Microsoft.Extensions.Configuration;
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
}
