using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Finds all that is wrong with the settings at once; it needs the traffic port, too.</summary>
internal sealed class ListeningOptionsValidator(IOptions<ProxyOptions> proxy) : IValidateOptions<ListeningOptions>
{
    private const int MostHeaders = 1024 * 1024;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    // "30" is read as 30 days: such a slip is told, not obeyed.
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public ValidateOptionsResult Validate(string? name, ListeningOptions options)
    {
        string[] faults = [.. Ports(options), .. Tls(options), .. Limits(options), .. Stop(options)];
        return faults.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private IEnumerable<string> Ports(ListeningOptions options)
    {
        if (options.HttpsPort is < 0 or > 65535)
            yield return $"httpsPort {options.HttpsPort} is no TCP port: choose 1 to 65535 (--https-port or PROXY_HTTPS_PORT)";
        if (options.PublicHttpsPort is < 1 or > 65535)
            yield return $"publicHttpsPort {options.PublicHttpsPort} is no TCP port: choose 1 to 65535 (--public-https-port or PROXY_PUBLIC_HTTPS_PORT)";
        if (options.H2cPort is < 0 or > 65535)
            yield return $"h2cPort {options.H2cPort} is no TCP port: choose 1 to 65535 (--h2c-port or PROXY_H2C_PORT)";

        // Several zeros are several free ports.
        int[] chosen = [.. new[] { TrafficPort(), options.HttpsPort ?? 0, options.H2cPort ?? 0 }.Where(port => port != 0)];
        foreach (var port in chosen.GroupBy(port => port).Where(same => same.Count() > 1).Select(same => same.Key))
            yield return $"port {port} is chosen twice: --port, --https-port and --h2c-port must differ";
    }

    private int TrafficPort()
    {
        try
        {
            return proxy.Value.Port;
        }
        catch (OptionsValidationException)
        {
            // What is wrong there is told beside what is wrong here.
            return 0;
        }
    }

    private static IEnumerable<string> Tls(ListeningOptions options)
    {
        if (options.HttpsPort is not null && string.IsNullOrWhiteSpace(options.Certificates))
            yield return "certificates is empty: name the folder with the .crt and .key files (--certificates or PROXY_CERTIFICATES)";
        if (options is { RedirectToHttps: true, HttpsPort: null or 0, PublicHttpsPort: null })
            yield return "redirectToHttps needs a port to send clients to: give --https-port, or --public-https-port where TLS ends before the proxy";
    }

    private static IEnumerable<string> Limits(ListeningOptions options)
    {
        if (options.HeadersTimeout < Second || options.HeadersTimeout > Longest)
            yield return $"headersTimeout {options.HeadersTimeout} must be a second to an hour, such as 00:00:15 (--headers-timeout or PROXY_HEADERS_TIMEOUT)";
        if (options.IdleTimeout < Second || options.IdleTimeout > Longest)
            yield return $"idleTimeout {options.IdleTimeout} must be a second to an hour, such as 00:02:10 (--idle-timeout or PROXY_IDLE_TIMEOUT)";
        if (options.MinBodyRate < 0)
            yield return $"minBodyRate {options.MinBodyRate} must be 0 (off) or more bytes a second, such as 240 (--min-body-rate or PROXY_MIN_BODY_RATE)";
        if (options.MaxHeadersSize is < 1024 or > MostHeaders)
            yield return $"maxHeadersSize {options.MaxHeadersSize} must be 1024 to {MostHeaders} bytes (--max-headers-size or PROXY_MAX_HEADERS_SIZE)";
        if (options.MaxRequestLine is < 256 or > MostHeaders)
            yield return $"maxRequestLine {options.MaxRequestLine} must be 256 to {MostHeaders} bytes (--max-request-line or PROXY_MAX_REQUEST_LINE)";
        if (options.MaxConnections < 0)
            yield return $"maxConnections {options.MaxConnections} must be 0 (no limit) or more (--max-connections or PROXY_MAX_CONNECTIONS)";
    }

    private static IEnumerable<string> Stop(ListeningOptions options)
    {
        if (options.StopDelay < TimeSpan.Zero || options.StopDelay > Longest)
            yield return $"stopDelay {options.StopDelay} must be 0 to an hour, such as 00:00:05 (--stop-delay or PROXY_STOP_DELAY)";
        if (options.DrainLimit < TimeSpan.Zero || options.DrainLimit > Longest)
            yield return $"drainLimit {options.DrainLimit} must be 0 to an hour, such as 00:00:30 (--drain-limit or PROXY_DRAIN_LIMIT)";
        if (options.CloseIdleAfter < TimeSpan.Zero || options.CloseIdleAfter > Longest)
            yield return $"closeIdleAfter {options.CloseIdleAfter} must be 0 to an hour, such as 00:00:10 (--close-idle-after or PROXY_CLOSE_IDLE_AFTER)";
    }
}
