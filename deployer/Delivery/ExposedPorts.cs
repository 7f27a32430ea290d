namespace ServiceMesh.Deployer.Delivery;

/// <summary>Whether an image serves the port that the manifest asks for.</summary>
internal static class ExposedPorts
{
    /// <returns>What is wrong and how to mend it; <c>null</c> if nothing is.</returns>
    public static string? Fault(string image, int port, IEnumerable<string> exposed)
    {
        var ports = exposed.Order(StringComparer.Ordinal).ToArray();
        if (ports.Contains($"{port}/tcp"))
            return null;
        return ports.Length == 0
            ? $"image {image} exposes no port, but the manifest's port is {port}: add EXPOSE {port} to its Dockerfile"
            : $"image {image} does not expose port {port}, only {string.Join(", ", ports)}: change the manifest's port or the image";
    }
}
