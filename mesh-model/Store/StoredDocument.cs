namespace ServiceMesh.Store;

/// <summary>What stands under a service's key, as far as it could be read.</summary>
/// <param name="Service">The service's name, taken from the key.</param>
/// <param name="Document">The newest sound document that was seen; <c>null</c> if none was.</param>
/// <param name="Index">The ModifyIndex of <paramref name="Document"/>; 0 without one.</param>
/// <param name="Fault">Why what stands there now was set aside; <c>null</c> if it was not.</param>
public sealed record StoredDocument(string Service, ServiceDocument? Document, ulong Index, string? Fault)
{
    /// <summary>The kind of <see cref="Fault"/>; without one it says nothing.</summary>
    public FaultKind FaultKind { get; init; }
}
