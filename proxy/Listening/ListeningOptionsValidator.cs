using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Finds all that is wrong with the settings at once; it needs the traffic port, too.</summary>
internal sealed class ListeningOptionsValidator(IOptions<ProxyOptions> proxy) : IValidateOptions<ListeningOptions>
{
    public ValidateOptionsResult Validate(string? name, ListeningOptions options)
    {
        string[] faults = [.. Ports(options), .. Tls(options)];
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
        int[] chosen = [.. new[] { proxy.Value.Port, options.HttpsPort ?? 0, options.H2cPort ?? 0 }.Where(port => port != 0)];
        foreach (var port in chosen.GroupBy(port => port).Where(same => same.Count() > 1).Select(same => same.Key))
            yield return $"port {port} is chosen twice: --port, --https-port and --h2c-port must differ";
    }

    private static IEnumerable<string> Tls(ListeningOptions options)
    {
        if (options.HttpsPort is not null && string.IsNullOrWhiteSpace(options.Certificates))
            yield return "certificates is empty: name the folder with the .crt and .key files (--certificates or PROXY_CERTIFICATES)";
        if (options is { RedirectToHttps: true, HttpsPort: null or 0, PublicHttpsPort: null })
            yield return "redirectToHttps needs a port to send clients to: give --https-port, or --public-https-port where TLS ends before the proxy";
    }
}
