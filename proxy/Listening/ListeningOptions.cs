namespace ServiceMesh.Proxy.Listening;

/// <summary>What the proxy listens on and whom it hangs up on; from the same sources as <see cref="ProxyOptions"/>, the section <c>Proxy</c> of appsettings included.</summary>
internal sealed class ListeningOptions
{
    /// <summary>How long a body may take before its rate counts.</summary>
    public static readonly TimeSpan RateGrace = TimeSpan.FromSeconds(5);

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

    /// <summary>How long a client may take for a request's headers, otherwise 408; and for the handshake of TLS before.</summary>
    public TimeSpan HeadersTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection without a request is kept.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(130);

    /// <summary>The least rate of a request's body and of reading an answer, in bytes a second after five seconds; zero turns the limit off.</summary>
    public int MinBodyRate { get; set; } = 240;

    /// <summary>The most bytes of all headers of a request; otherwise 431.</summary>
    public int MaxHeadersSize { get; set; } = 32 * 1024;

    /// <summary>The most bytes of a request's first line; otherwise 414.</summary>
    public int MaxRequestLine { get; set; } = 8 * 1024;

    /// <summary>The most connections at once, over all ports; what comes beyond is closed at once. Zero turns the limit off.</summary>
    public int MaxConnections { get; set; } = 20_000;

    /// <summary>How long a stop waits, no longer ready but serving, until it takes no new connections: time for a load balancer to see it.</summary>
    public TimeSpan StopDelay { get; set; } = TimeSpan.Zero;

    /// <summary>How long a stop waits for requests, streams and websockets that are in flight; what is left is cut.</summary>
    public TimeSpan DrainLimit { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>After another proxy has taken over: how long connections without a request are kept for their next one, which is answered and closes them.</summary>
    public TimeSpan CloseIdleAfter { get; set; } = TimeSpan.FromSeconds(10);
}
