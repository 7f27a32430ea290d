namespace Consul;

/// <summary>Why a transaction was not done.</summary>
public class TxnError
{
    /// <summary>The operation's place in the transaction, from 0.</summary>
    public int OpIndex { get; init; }

    /// <summary>The reason in Consul's words.</summary>
    public string What { get; init => field = value ?? ""; } = "";
}
