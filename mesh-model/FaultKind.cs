namespace ServiceMesh;

/// <summary>What a document that is set aside suffers from, where few words must do; its fault says it in a sentence.</summary>
public enum FaultKind
{
    /// <summary>A rule forbids what it says.</summary>
    Invalid,

    /// <summary>It is no JSON of a document's form; one with a field that nobody knows is none, either.</summary>
    Unreadable,

    /// <summary>It is of a form that is not understood here.</summary>
    Schema,
}
