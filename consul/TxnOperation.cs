namespace Consul;

/// <summary>One operation of a transaction on the wire.</summary>
internal sealed record TxnOperation(TxnOperation.Operand KV)
{
    public static TxnOperation From(KVTxnOp op) =>
        new(new Operand(op.Verb.Operation, op.Key, op.Value, op.Flags, op.Index, op.Session));

    internal sealed record Operand(
        string Verb, string Key, byte[]? Value, ulong Flags, ulong Index, string? Session);
}
