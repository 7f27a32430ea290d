namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>What is said of ports: one sentence for all of which the same holds, because thousands of them are exposed by one word.</summary>
internal static class PortSentence
{
    private const int MostByNumber = 5;

    /// <param name="ports">The ports, one at the least, in their order.</param>
    /// <param name="what">What they are.</param>
    public static string Of(IReadOnlyList<ContainerPort> ports, string what) =>
        ports is [var only] ? $"port {only} is {what}"
        : ports.Count <= MostByNumber ? $"ports {string.Join(", ", ports)} are {what}"
        : $"{ports.Count} ports from {ports[0]} to {ports[^1]} are {what}";
}
