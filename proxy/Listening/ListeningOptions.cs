namespace ServiceMesh.Proxy.Listening;

/// <summary>What the proxy listens on and whom it hangs up on; from the same sources as <see cref="ProxyOptions"/>, the section <c>Proxy</c> of appsettings included.</summary>
internal sealed class ListeningOptions
{
    /// <summary>The port for TLS, 1 to 65535, on all addresses; 0 takes a free one. Without it there is none.</summary>
    public int? HttpsPort { get; set; }

    /// <summary>The folder of certificates, each as <c>name.crt</c> with its chain and <c>name.key</c>, both PEM.</summary>
    public string Certificates { get; set; } = "certificates";

    /// <summary>Whether a request without TLS is sent on to the HTTPS port.</summary>
    public bool RedirectToHttps { get; set; }

    /// <summary>The HTTPS port as clients see it, where something in between maps it; else <see cref="HttpsPort"/>.</summary>
    public int? PublicHttpsPort { get; set; }

    /// <summary>The port for HTTP/2 without TLS (prior knowledge), such as gRPC inside a private network; 0 takes a free one. Without it there is none.</summary>
    public int? H2cPort { get; set; }
}
