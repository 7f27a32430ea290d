using System.Net;
using Consul;

namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>What a refused write tells of: its own container's content, or the agent, its token and the way to it.</summary>
internal static class Refusal
{
    /// <summary>
    /// With a 500 Consul says that it is in trouble, and in these words that it takes what it was told from nobody. An id in the address
    /// is not taken for them: a space is escaped there.
    /// </summary>
    private static readonly string[] OfContent =
    [
        "Scripts are disabled on this agent",
        "Check is not valid",
        "Check type is not valid",
    ];

    /// <summary>Whether the agent would refuse this write of everybody, however well it is.</summary>
    public static bool IsOfContent(Exception error) => error switch
    {
        // Others of these are of what stands before the agent: 401, 405, 407.
        ConsulRequestException { StatusCode: HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.RequestEntityTooLarge } => true,
        ConsulRequestException { StatusCode: HttpStatusCode.InternalServerError } refused =>
            OfContent.Any(words => refused.Message.Contains(words, StringComparison.Ordinal)),
        _ => false,
    };
}
