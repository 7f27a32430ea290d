namespace ServiceMesh;

/// <summary>One immutable image, deployed under a version name.</summary>
/// <param name="Deployment">The deployment id, see <see cref="DeploymentId"/>; for a container that was started by hand, its container id.</param>
/// <param name="Version">The name that people use, usually the image's tag.</param>
/// <param name="Image">The image by digest, <c>repository@sha256:…</c>.</param>
/// <param name="CreatedAt">When the deployment began, UTC.</param>
public record Release(string Deployment, string Version, string Image, DateTimeOffset CreatedAt);
