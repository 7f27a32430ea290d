namespace ServiceMesh.Deployer.Manifest;

/// <summary>One thing that is wrong with a manifest.</summary>
/// <param name="Line">The line in the file, the first is 1.</param>
/// <param name="Message">What and how to mend it.</param>
internal sealed record ManifestError(int Line, string Message);

/// <summary>A manifest or, if there is none, everything that is wrong with the text.</summary>
internal sealed record ManifestResult(ServiceManifest? Manifest, IReadOnlyList<ManifestError> Errors);
