namespace ServiceMesh.Deployer.Delivery;

/// <summary>Where tests find the candidate.</summary>
/// <param name="Url">The address.</param>
/// <param name="Pass">The value of the header <see cref="CandidatePass.Header"/> that leads to it there; <c>null</c> where none is needed.</param>
/// <param name="Host">The host that requests must ask for there; <c>null</c> for any.</param>
internal sealed record TestTarget(string Url, string? Pass = null, string? Host = null);
