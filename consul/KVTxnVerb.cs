namespace Consul;

/// <summary>What one operation of a transaction does.</summary>
public class KVTxnVerb : IEquatable<KVTxnVerb>
{
    private KVTxnVerb(string operation) => Operation = operation;

    /// <summary>Writes the value.</summary>
    public static KVTxnVerb Set { get; } = new("set");

    /// <summary>Deletes the key; no error if it is not there. Adds no entry to the results.</summary>
    public static KVTxnVerb Delete { get; } = new("delete");

    /// <summary>Deletes the key if its ModifyIndex is the operation's.</summary>
    public static KVTxnVerb DeleteCAS { get; } = new("delete-cas");

    /// <summary>Deletes every key with the prefix.</summary>
    public static KVTxnVerb DeleteTree { get; } = new("delete-tree");

    /// <summary>Writes the value if the ModifyIndex is the operation's; index 0: if the key does not exist.</summary>
    public static KVTxnVerb CAS { get; } = new("cas");

    /// <summary>Writes the value and locks the key for the session.</summary>
    public static KVTxnVerb Lock { get; } = new("lock");

    /// <summary>Writes the value and unlocks the key that the session holds.</summary>
    public static KVTxnVerb Unlock { get; } = new("unlock");

    /// <summary>Reads the key; fails the transaction if it is not there.</summary>
    public static KVTxnVerb Get { get; } = new("get");

    /// <summary>Reads every key with the prefix.</summary>
    public static KVTxnVerb GetTree { get; } = new("get-tree");

    /// <summary>Fails the transaction unless the session holds the key.</summary>
    public static KVTxnVerb CheckSession { get; } = new("check-session");

    /// <summary>Fails the transaction unless the key's ModifyIndex is the operation's.</summary>
    public static KVTxnVerb CheckIndex { get; } = new("check-index");

    /// <summary>The verb as Consul's API spells it.</summary>
    public string Operation { get; }

    /// <inheritdoc />
    public bool Equals(KVTxnVerb? other) => other?.Operation == Operation;

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as KVTxnVerb);

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Operation);

    /// <inheritdoc />
    public override string ToString() => Operation;
}
