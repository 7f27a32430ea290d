namespace Consul;

/// <summary>The state that an application reports to its own TTL check.</summary>
public class TTLStatus : IEquatable<TTLStatus>
{
    private TTLStatus(string status) => Status = status;

    /// <summary>The check passes.</summary>
    public static TTLStatus Pass { get; } = new("passing");

    /// <summary>The check warns.</summary>
    public static TTLStatus Warn { get; } = new("warning");

    /// <summary>The check fails.</summary>
    public static TTLStatus Critical { get; } = new("critical");

    /// <summary>The state as Consul's API spells it.</summary>
    public string Status { get; }

    /// <inheritdoc />
    public bool Equals(TTLStatus? other) => ReferenceEquals(this, other);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as TTLStatus);

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Status);

    /// <inheritdoc />
    public override string ToString() => Status;
}
