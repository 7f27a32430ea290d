namespace ServiceMesh;

/// <summary>Where an instance stands on its way into and out of the traffic.</summary>
public enum Stage
{
    /// <summary>Never was in the traffic.</summary>
    Candidate,

    /// <summary>Belongs to the release that the traffic goes to.</summary>
    Active,

    /// <summary>Belongs to a release that was active before.</summary>
    Retired,
}

/// <summary>How stages are spelled in tags and answers.</summary>
public static class StageTag
{
    /// <summary>All tags that name a stage.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<Stage>().Select(Of)];

    /// <summary>The stage's tag in the Consul catalog: <c>candidate</c>, <c>active</c> or <c>retired</c>.</summary>
    public static string Of(Stage stage) => stage switch
    {
        Stage.Candidate => "candidate",
        Stage.Active => "active",
        Stage.Retired => "retired",
        _ => throw new ArgumentOutOfRangeException(nameof(stage), stage, "no such stage"),
    };
}
