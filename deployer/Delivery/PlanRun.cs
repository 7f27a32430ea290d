using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Finds out what a deployment would change. The image is pulled, for only its digest tells what would run.</summary>
internal sealed class PlanRun(Mesh mesh, ContainerHosts hosts)
{
    public async Task<DeployPlan> RunAsync(ServiceManifest manifest, string version, CancellationToken ct)
    {
        if (RouteClaims.Conflict(manifest.Name, manifest.Routes, await mesh.Store.ListAsync(ct)) is { } conflict)
            throw new DeliveryException(ExitCode.WrongInput, conflict);
        var stored = await mesh.Store.ReadAsync(manifest.Name, ct);
        if (stored?.Fault is { } broken)
            throw Faults.NoDocument(manifest.Name, broken);
        if (SplitChange.Conflict(manifest, stored?.Document) is { } other)
            throw new DeliveryException(ExitCode.WrongInput, other);
        var image = manifest.Image.At(version);
        var pulled = await hosts.Chosen[0].Images.PullAsync(image, told: null, ct);
        if (ExposedPorts.Fault(image.ToString(), manifest.Port, pulled.Ports) is { } fault)
            throw new DeliveryException(ExitCode.WrongInput, fault);
        return DeployPlan.Of(
            manifest,
            new Release(DeploymentId.New(), version, pulled.ByDigest, mesh.Time.GetUtcNow()),
            stored,
            await hosts.ListAsync(manifest.Name, stored?.Document, ct, withTests: true));
    }
}
