using System.Text.Json;

namespace Consul;

/// <summary>What a lower layer's exception means to the caller of Consul.</summary>
internal sealed record ConsulFailure(ConsulFault Fault, string Reason)
{
    /// <summary>Null for an exception that is no failure of a call but a fault in the program.</summary>
    public static ConsulFailure? Of(Exception exception, bool timedOut, TimeSpan timeout) => exception switch
    {
        OperationCanceledException when timedOut =>
            new(ConsulFault.Timeout, $"no answer within {timeout.TotalSeconds:0.###} s"),
        OperationCanceledException => new(ConsulFault.Unreachable, "Consul cannot be reached: no connection in time"),
        HttpRequestException or IOException =>
            new(ConsulFault.Unreachable, $"Consul cannot be reached: {exception.GetBaseException().Message}"),
        JsonException => new(ConsulFault.Unreadable, $"the answer cannot be read: {exception.Message}"),
        _ => null,
    };

    public ConsulRequestException ToException(string call, Exception cause) => new($"{call}: {Reason}", Fault, cause);
}
