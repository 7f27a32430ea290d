namespace Consul;

/// <summary>The answer to a transaction on the wire.</summary>
internal sealed record TxnAnswer(List<TxnAnswer.Result>? Results, List<TxnError>? Errors)
{
    public KVTxnResponse ToResponse(bool success) => new()
    {
        Success = success,
        Errors = Errors ?? [],
        Results = [.. (Results ?? []).Select(result => result.KV).OfType<KVPair>()],
    };

    internal sealed record Result(KVPair? KV);
}
