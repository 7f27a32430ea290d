namespace ServiceMesh;

/// <summary>The labels that the deployer writes on a container and the sidecar reads.</summary>
public static class ContainerLabel
{
    /// <summary>The mesh that the container belongs to; a sidecar leaves another mesh's containers alone.</summary>
    public const string Environment = "mesh.environment";

    /// <summary>The service that the container was deployed for.</summary>
    public const string Service = "mesh.service";

    /// <summary>The deployment id, see <see cref="DeploymentId"/>.</summary>
    public const string Deployment = "mesh.deployment";

    /// <summary>The release's version name.</summary>
    public const string Version = "mesh.version";

    /// <summary>The names of the environment variables whose values are secret, parted by commas.</summary>
    public const string Secrets = "mesh.secrets";

    /// <summary>Marks the container of a release's tests, which is none of its replicas.</summary>
    public const string Tests = "mesh.tests";
}

/// <summary>The keys of an instance's Meta in the Consul catalog; all are written by the registry-sidecar.</summary>
public static class InstanceMeta
{
    /// <summary>The node whose sidecar registered the instance; only that one may change or remove it.</summary>
    public const string Owner = "mesh-owner";

    /// <summary>The mesh that the instance belongs to.</summary>
    public const string Environment = "mesh-environment";

    /// <summary>The container's id, 64 hexadecimal digits.</summary>
    public const string Container = "mesh-container";

    /// <summary>The deployment id; the container's id where no deployment was named.</summary>
    public const string Deployment = "mesh-deployment";

    /// <summary>The release's version name.</summary>
    public const string Version = "mesh-version";

    /// <summary>The image's digest.</summary>
    public const string Image = "mesh-image";

    /// <summary>A hash of the check definitions, which Consul does not give back.</summary>
    public const string Checks = "mesh-checks";
}
