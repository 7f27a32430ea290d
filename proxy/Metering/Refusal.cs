namespace ServiceMesh.Proxy.Metering;

/// <summary>Why the proxy answered itself instead of asking an instance.</summary>
internal enum Refusal
{
    /// <summary>The service is under maintenance (503).</summary>
    Maintenance,

    /// <summary>The service was paused for longer than a request waits, or too many waited (504, 503).</summary>
    Paused,

    /// <summary>Every place at its instances was taken (503).</summary>
    Full,

    /// <summary>The service has no instance in the traffic (503).</summary>
    NoInstance,

    /// <summary>The candidate pass is not valid (403).</summary>
    Pass,

    /// <summary>The body is larger than the route allows (413).</summary>
    BodyTooLarge,
}
