using System.Net.Security;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Keeps the certificates as the folder has them, while connections are served.</summary>
internal sealed partial class CertificateKeeper(IOptions<ListeningOptions> options, TimeProvider time, ILogger<CertificateKeeper> log)
    : HostedLoop
{
    // Looking is reliable on every kind of mount and across swapped symbolic links, which notices from the kernel are not;
    // two small files a certificate cost nothing.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly CertificateFolder folder = new(options.Value.Certificates);
    private CertificateSet? current;

    /// <summary>What to shake hands by with a client that asks for this name.</summary>
    public SslServerAuthenticationOptions Choose(string? serverName) => Volatile.Read(ref current)!.Choose(serverName).Handshake;

    /// <exception cref="InvalidOperationException">TLS is wanted, and there is no certificate at all.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.HttpsPort is null)
            return Task.CompletedTask;
        var faults = Refresh();
        return current is null ? throw new InvalidOperationException(string.Join("; ", faults)) : base.StartAsync(cancellationToken);
    }

    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            Refresh();
    }

    private IReadOnlyList<string> Refresh()
    {
        var (changed, faults) = folder.Refresh();
        foreach (var fault in faults)
            Unusable(fault);
        // Anew even where no file changed: a certificate may have become valid.
        if (folder.Certificates.Count > 0)
            Volatile.Write(ref current, new CertificateSet(folder.Certificates, time.GetUtcNow()));
        if (changed)
            InUse(string.Join(", ", folder.Certificates.Select(pair => $"{pair.Key} until {pair.Value.Leaf.NotAfter.ToUniversalTime():yyyy-MM-dd}")));

        return faults;
    }

    [LoggerMessage(LogLevel.Information, "Certificates in use: {Certificates}")]
    private partial void InUse(string certificates);

    [LoggerMessage(LogLevel.Error, "{Fault}")]
    private partial void Unusable(string fault);
}
