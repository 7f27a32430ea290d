namespace ServiceMesh.Deployer.Delivery;

/// <summary>A change that production has taken.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Release">The release that it was about, as its entry in the history has it; <c>null</c> where there was nothing to undo.</param>
/// <param name="Replaced">The one that was active until then.</param>
/// <param name="After">The document as it is now; <c>null</c> for none.</param>
/// <param name="Index">The ModifyIndex of the document.</param>
/// <param name="Tests">The tests that let it pass.</param>
internal sealed record Delivered(string Service, Release? Release, Release? Replaced, ServiceDocument? After, ulong Index, IReadOnlyList<TestRun> Tests)
{
    /// <summary>What was changed where nothing was promoted.</summary>
    public string? What { get; init; }
}
