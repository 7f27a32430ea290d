namespace Consul;

/// <summary>One operation of a transaction.</summary>
/// <param name="key">The key, or the prefix for a verb that works on a tree.</param>
/// <param name="verb">What to do.</param>
public class KVTxnOp(string key, KVTxnVerb verb)
{
    /// <summary>What to do.</summary>
    public KVTxnVerb Verb { get; set; } = verb;

    /// <summary>The key, or the prefix for a verb that works on a tree.</summary>
    public string Key { get; set; } = key;

    /// <summary>The value for a verb that writes.</summary>
    public byte[]? Value { get; set; }

    /// <summary>A number of the application's own, for a verb that writes.</summary>
    public ulong Flags { get; set; }

    /// <summary>The ModifyIndex for a verb that compares it.</summary>
    public ulong Index { get; set; }

    /// <summary>The session for a verb that needs one.</summary>
    public string? Session { get; set; }
}
