using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy;

/// <summary>The proxy's settings, from the command line (<c>--loss-hold</c>), the environment (<c>PROXY_LOSS_HOLD</c>) or the section <c>Proxy</c> of appsettings; the first of them wins.</summary>
internal sealed class ProxyOptions
{
    /// <summary>The traffic port, 1 to 65535, on all addresses; 0 takes a free one.</summary>
    public int Port { get; set; } = 8000;

    /// <summary>The Consul agent's address; without it Consul's own <c>CONSUL_HTTP_ADDR</c>, else <c>http://127.0.0.1:8500</c>.</summary>
    public Uri? Consul { get; set; }

    /// <summary>The folder that keeps the last good state for a start without Consul.</summary>
    public string State { get; set; } = "state";

    /// <summary>How long a start waits for Consul before it serves from the last good state.</summary>
    public TimeSpan ConsulWait { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>How often every service's instances are read again, whatever Consul's watches said.</summary>
    public TimeSpan Resync { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>A loss of more than this share of the services with traffic at once, 0 to 1, is held back.</summary>
    public double LossShare { get; set; } = 0.5;

    /// <summary>How long such a loss is held back before it is obeyed; zero obeys it at once.</summary>
    public TimeSpan LossHold { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Networks and addresses of proxies before this one, such as <c>10.0.0.0/8, 192.168.1.4</c>: what they say of the client is passed on.</summary>
    public string TrustedProxies { get; set; } = "";

    /// <summary>A file of certificates in PEM form: an instance that speaks <c>h2</c> must have one that they vouch for. Without it the system's hold.</summary>
    public string? UpstreamCa { get; set; }
}

/// <summary>Finds all that is wrong with the settings at once.</summary>
internal sealed class ProxyOptionsValidator : IValidateOptions<ProxyOptions>
{
    // "30" is read as 30 days: such a slip is told, not obeyed.
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public ValidateOptionsResult Validate(string? name, ProxyOptions options)
    {
        List<string> faults = [];
        if (options.Port is < 0 or > 65535)
            faults.Add($"port {options.Port} is no TCP port: choose 1 to 65535 (--port or PROXY_PORT)");
        if (options.Consul is { } consul && (!consul.IsAbsoluteUri || consul.Scheme is not ("http" or "https")))
            faults.Add($"consul '{consul}' is no address: give one like http://127.0.0.1:8500 (--consul, PROXY_CONSUL or CONSUL_HTTP_ADDR)");
        if (string.IsNullOrWhiteSpace(options.State))
            faults.Add("state is empty: name a folder that the proxy may write to (--state or PROXY_STATE)");
        if (options.ConsulWait <= TimeSpan.Zero || options.ConsulWait > Longest)
            faults.Add($"consulWait {options.ConsulWait} must be more than zero and at most an hour, such as 00:00:03 (--consul-wait or PROXY_CONSUL_WAIT)");
        if (options.Resync < TimeSpan.FromSeconds(1) || options.Resync > Longest)
            faults.Add($"resync {options.Resync} must be a second to an hour, such as 00:00:15 (--resync or PROXY_RESYNC)");
        if (options.LossShare is not (>= 0 and <= 1))
            faults.Add($"lossShare {options.LossShare} must be 0 to 1, such as 0.5 (--loss-share or PROXY_LOSS_SHARE)");
        if (options.LossHold < TimeSpan.Zero || options.LossHold > Longest)
            faults.Add($"lossHold {options.LossHold} must be 0 (off) to an hour, such as 00:00:30 (--loss-hold or PROXY_LOSS_HOLD)");
        if (Traffic.Transforming.TrustedProxies.TryParse(options.TrustedProxies, out _) is { } wrong)
            faults.Add($"trustedProxies '{wrong}' is neither a network nor an address, such as 10.0.0.0/8 or 192.168.1.4 (--trusted-proxies or PROXY_TRUSTED_PROXIES)");
        if (options.UpstreamCa is { Length: > 0 } ca && !File.Exists(ca))
            faults.Add($"upstreamCa '{ca}' is no file that can be read: name certificates in PEM form (--upstream-ca or PROXY_UPSTREAM_CA)");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
