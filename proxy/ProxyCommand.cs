using System.CommandLine;
using ServiceMesh.Proxy.Admin;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Observing;

namespace ServiceMesh.Proxy;

/// <summary>The command line: one option a setting, as text; what they mean is judged with those of the other sources.</summary>
internal static class ProxyCommand
{
    /// <summary>All settings, each with its default in brackets at the end of what it is. The table in README.md is held equal to them by a test.</summary>
    internal static IReadOnlyList<(Option<string> Option, string Property)> Settings { get; } =
    [
        Setting("--port", nameof(ProxyOptions.Port), "The traffic port (8000)."),
        Setting("--admin-port", nameof(AdminOptions.AdminPort), "The port for operators and monitoring (the one above the traffic port)."),
        Setting("--admin-address", nameof(AdminOptions.AdminAddress), "The IP address of the admin port; beyond this host only with a token (127.0.0.1)."),
        Setting("--admin-token", nameof(AdminOptions.AdminToken), "What a request to the admin port must bring as Authorization: Bearer; others see it in the list of processes, so rather set PROXY_ADMIN_TOKEN (none)."),
        Setting("--admin-token-file", nameof(AdminOptions.AdminTokenFile), "A file with the admin token, in place of it (none)."),
        Setting("--access-log", nameof(ObservingOptions.AccessLog), "A file that each request is a line of, as JSON; - is the standard output (none)."),
        Setting("--https-port", nameof(ListeningOptions.HttpsPort), "The port for TLS (none)."),
        Setting("--certificates", nameof(ListeningOptions.Certificates), "The folder of certificates, name.crt with its chain and name.key, PEM (certificates)."),
        Setting("--redirect-to-https", nameof(ListeningOptions.RedirectToHttps), "Whether requests without TLS are sent on to the HTTPS port, true or false (false)."),
        Setting("--public-https-port", nameof(ListeningOptions.PublicHttpsPort), "The HTTPS port as clients see it (as --https-port)."),
        Setting("--h2c-port", nameof(ListeningOptions.H2cPort), "The port for HTTP/2 without TLS, by prior knowledge (none)."),
        Setting("--headers-timeout", nameof(ListeningOptions.HeadersTimeout), "How long a client may take for a request's headers, and for TLS's handshake before, hh:mm:ss (00:00:15)."),
        Setting("--idle-timeout", nameof(ListeningOptions.IdleTimeout), "How long a connection without a request is kept, hh:mm:ss (00:02:10)."),
        Setting("--min-body-rate", nameof(ListeningOptions.MinBodyRate), "The least bytes a second of an answer, and of a request's body; 0 for no limit (240)."),
        Setting("--max-headers-size", nameof(ListeningOptions.MaxHeadersSize), "The most bytes of a request's headers (32768)."),
        Setting("--max-request-line", nameof(ListeningOptions.MaxRequestLine), "The most bytes of a request's first line (8192)."),
        Setting("--max-connections", nameof(ListeningOptions.MaxConnections), "The most connections at once; 0 for no limit (20000)."),
        Setting("--stop-delay", nameof(ListeningOptions.StopDelay), "How long a stop still takes connections, no longer ready, hh:mm:ss (00:00:00)."),
        Setting("--drain-limit", nameof(ListeningOptions.DrainLimit), "How long a stop waits for what is in flight, hh:mm:ss (00:00:30)."),
        Setting("--close-idle-after", nameof(ListeningOptions.CloseIdleAfter), "How long idle connections are kept after another proxy has taken over, hh:mm:ss (00:00:10)."),
        Setting("--consul", nameof(ProxyOptions.Consul), "The Consul agent's address (CONSUL_HTTP_ADDR, else http://127.0.0.1:8500)."),
        Setting("--state", nameof(ProxyOptions.State), "The folder that keeps the last good state (state)."),
        Setting("--consul-wait", nameof(ProxyOptions.ConsulWait), "How long a start waits for Consul, hh:mm:ss (00:00:03)."),
        Setting("--resync", nameof(ProxyOptions.Resync), "How often all instances are read again, hh:mm:ss (00:00:15)."),
        Setting("--loss-share", nameof(ProxyOptions.LossShare), "A loss of more than this share of the services at once is held back (0.5)."),
        Setting("--loss-hold", nameof(ProxyOptions.LossHold), "How long such a loss is held back, hh:mm:ss; 0 obeys it at once (00:00:30)."),
        Setting("--trusted-proxies", nameof(ProxyOptions.TrustedProxies), "Networks and addresses whose X-Forwarded-* and Forwarded are passed on, such as 10.0.0.0/8,192.168.1.4 (none)."),
        Setting("--upstream-ca", nameof(ProxyOptions.UpstreamCa), "A PEM file of the certificates that vouch for instances of protocol h2 (the system's)."),
    ];

    /// <summary>Runs <paramref name="run"/> with the settings that the command line or the environment names, or prints help or what is wrong.</summary>
    /// <returns>The process's exit code.</returns>
    public static Task<int> RunAsync(string[] args, Func<IReadOnlyDictionary<string, string?>, Task<int>> run)
    {
        var command = new RootCommand(
            "The mesh's proxy: follows Consul and sends requests to the active instances. Each option is also an environment "
            + "variable, PROXY_LOSS_HOLD for --loss-hold; the command line wins.");
        foreach (var (option, _) in Settings)
            command.Add(option);
        command.SetAction(parsed => run(Given(parsed)));
        // A value that begins with @, such as a token, is no file of arguments.
        return command.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null })
            // The host answers signals: this library's own way would cut the requests in flight two seconds after a SIGTERM.
            .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    private static Dictionary<string, string?> Given(ParseResult parsed) => Settings
        .Select(setting => (setting.Property, Value: parsed.GetValue(setting.Option) ?? Environment.GetEnvironmentVariable(Variable(setting.Option))))
        .Where(setting => setting.Value is not null)
        .ToDictionary(setting => setting.Property, setting => setting.Value, StringComparer.Ordinal);

    private static string Variable(Option option) => "PROXY_" + option.Name.TrimStart('-').Replace('-', '_').ToUpperInvariant();

    private static (Option<string> Option, string Property) Setting(string name, string property, string description) =>
        (new Option<string>(name) { Description = description }, property);
}
