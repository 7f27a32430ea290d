using ServiceMesh.Proxy.Traffic.Retries;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Metering;

/// <summary>Whose failure it was. Pure.</summary>
internal static class FailureRule
{
    /// <param name="error">The forwarder's word.</param>
    /// <param name="reason">What it threw.</param>
    /// <param name="isAnswered">Whether the answer's headers had come.</param>
    /// <param name="isClientGone">Whether the client's connection is no more, or the request was ended here.</param>
    /// <returns><c>null</c> where nobody failed: a client that has enough of an answer, an upgraded connection on which both are silent.</returns>
    public static Failure? Of(ForwarderError error, Exception? reason, bool isAnswered, bool isClientGone) => error switch
    {
        _ when isClientGone || IsClients(error, reason) => isAnswered ? null : Failure.Client,
        ForwarderError.None or ForwarderError.UpgradeActivityTimeout => null,
        _ when isAnswered => Failure.CutOff,
        _ when RetryRule.NeverSent(error, reason) => Failure.Connect,
        // The forwarder's word for a silence while a body was sent; a client that left was ruled out above.
        ForwarderError.RequestTimedOut or ForwarderError.RequestBodyCanceled => Failure.Timeout,
        _ => Failure.Broken,
    };

    /// <summary>Whether the request was ended from outside, or by a silence that says nothing: no word on the instance.</summary>
    /// <param name="error">The forwarder's word.</param>
    /// <param name="reason">What it threw.</param>
    /// <param name="isAborted">Whether the client's connection is no more, or the request was ended here.</param>
    /// <param name="answer">What the client has of the answer.</param>
    public static bool IsOver(ForwarderError error, Exception? reason, bool isAborted, HttpResponse answer) => error switch
    {
        // The instance broke off: it is the forwarder that ends the client's connection then. Or it was silent for the route's
        // timeout, as a stream may be: that more was due is known of an answer with a length alone.
        ForwarderError.ResponseBodyDestination => answer.ContentLength is null && reason is OperationCanceledException,
        ForwarderError.UpgradeResponseDestination => false,
        _ => isAborted,
    };

    // Whoever refuses a large body early and hangs up, as HTTP allows, breaks the sending of it. What the forwarder cannot make a
    // request of, and a websocket to an instance whose HTTP/2 has none (RFC 8441), says nothing of the instance: anybody may ask.
    private static bool IsClients(ForwarderError error, Exception? reason) => error is ForwarderError.RequestCanceled or ForwarderError.RequestBodyClient
        or ForwarderError.RequestBodyDestination
        or ForwarderError.ResponseBodyClient or ForwarderError.UpgradeRequestClient or ForwarderError.UpgradeResponseClient or ForwarderError.RequestCreation
        || reason is HttpRequestException { HttpRequestError: HttpRequestError.ExtendedConnectNotSupported };
}
