namespace ServiceMesh.Deployer.Delivery;

/// <summary>A container of a service, as its Docker host tells of it.</summary>
/// <param name="Host">The name of its Docker host.</param>
/// <param name="Id">64 hexadecimal digits.</param>
/// <param name="Name">Without Docker's leading slash.</param>
/// <param name="Deployment">The deployment id; the container's own id if it was started by hand.</param>
/// <param name="Version">The release's version name.</param>
/// <param name="Running">Whether it runs now.</param>
/// <param name="ByHand">Whether somebody else than the deployer made it: such a container is never removed.</param>
internal sealed record OwnContainer(string Host, string Id, string Name, string Deployment, string Version, bool Running, bool ByHand)
{
    /// <summary>Whether it runs, or ran, the release's tests: it is none of the release's replicas.</summary>
    public bool IsTests { get; init; }

    /// <summary>The image that it was made of, by digest.</summary>
    public string Image { get; init; } = "";

    /// <summary>When it was made, UTC.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Whether it has ended and Docker is about to start it again: until then it answers nobody.</summary>
    public bool IsRestarting { get; init; }

    /// <summary>Whether it was made and never started, for the deployer was killed in between.</summary>
    public bool IsUnused { get; init; }
}
