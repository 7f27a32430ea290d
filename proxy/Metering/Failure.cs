namespace ServiceMesh.Proxy.Metering;

/// <summary>How a request to an instance failed.</summary>
internal enum Failure
{
    /// <summary>It never reached the instance: there was no connection.</summary>
    Connect,

    /// <summary>The instance was silent for too long.</summary>
    Timeout,

    /// <summary>The connection broke, or the answer was none, before the answer's headers.</summary>
    Broken,

    /// <summary>The answer broke off after its headers; it is counted as an answer, too.</summary>
    CutOff,

    /// <summary>The client went away before its answer was complete, or sent a body that is none, or one that the instance refused before it was there, or asked for what an instance has not, or the drain of an instance that left was over: no fault of the instance.</summary>
    Client,
}
