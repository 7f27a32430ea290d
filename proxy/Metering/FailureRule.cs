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
        // It has answered, and takes no more of the request.
        ForwarderError.RequestBodyDestination when isAnswered => null,
        _ when isAnswered => Failure.CutOff,
        _ when RetryRule.NeverSent(error, reason) => Failure.Connect,
        // The forwarder's words for a silence while a body was sent; a client that left was ruled out above.
        ForwarderError.RequestTimedOut or ForwarderError.RequestBodyCanceled => Failure.Timeout,
        ForwarderError.RequestBodyDestination when IsSilence(reason) => Failure.Timeout,
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
        // timeout, as a stream of events may be; of any other answer more was due.
        ForwarderError.ResponseBodyDestination => IsSilence(reason) && IsStream(answer.ContentType),
        ForwarderError.UpgradeResponseDestination => false,
        _ => isAborted,
    };

    /// <summary>
    /// Whether the instance may be ejected for it. One that refuses a large body early and hangs up, as HTTP allows, breaks the
    /// sending as one does that crashes: it is counted, but nobody may put an instance out of the traffic by what he sends.
    /// </summary>
    public static bool IsCharged(ForwarderError error, Exception? reason) =>
        error is not ForwarderError.RequestBodyDestination || IsSilence(reason);

    private static bool IsSilence(Exception? reason) => reason switch
    {
        OperationCanceledException => true,
        // What the sending and the receiving threw, where both failed.
        AggregateException both => both.InnerExceptions.Any(one => one.GetBaseException() is OperationCanceledException),
        _ => false,
    };

    private static bool IsStream(string? contentType) =>
        contentType is not null
        && (contentType.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase)
            || contentType.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase));

    // What the forwarder cannot make a request of, and a websocket to an instance whose HTTP/2 has none (RFC 8441), says nothing
    // of the instance: anybody may ask.
    private static bool IsClients(ForwarderError error, Exception? reason) => error is ForwarderError.RequestCanceled or ForwarderError.RequestBodyClient
        or ForwarderError.ResponseBodyClient or ForwarderError.UpgradeRequestClient or ForwarderError.UpgradeResponseClient or ForwarderError.RequestCreation
        || reason is HttpRequestException { HttpRequestError: HttpRequestError.ExtendedConnectNotSupported };
}
