using System.Text.Json.Serialization;

namespace Consul;

/// <summary>What happens to the locks of a session that ends.</summary>
[JsonConverter(typeof(SessionBehaviorConverter))]
public class SessionBehavior : IEquatable<SessionBehavior>
{
    private SessionBehavior(string behavior) => Behavior = behavior;

    /// <summary>They are let go; the keys stay.</summary>
    public static SessionBehavior Release { get; } = new("release");

    /// <summary>The keys are deleted.</summary>
    public static SessionBehavior Delete { get; } = new("delete");

    /// <summary>The behaviour as Consul's API spells it.</summary>
    public string Behavior { get; }

    /// <inheritdoc />
    public bool Equals(SessionBehavior? other) => other?.Behavior == Behavior;

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as SessionBehavior);

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Behavior);

    /// <inheritdoc />
    public override string ToString() => Behavior;
}
