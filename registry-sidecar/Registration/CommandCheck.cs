using System.Globalization;
using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>Checks by a command, which run with the agent's rights and so only where the operator allows them.</summary>
internal static class CommandCheck
{
    private const int ShortIdLength = 12;

    public static IEnumerable<(string Kind, AgentServiceCheck Check)> Of(
        PortMetadata metadata, Endpoint endpoint, ContainerFacts container, bool allowed, List<string> warnings)
    {
        string[] keys = [MetadataKey.CheckScript, MetadataKey.CheckCommand, MetadataKey.CheckDocker];
        foreach (var key in keys)
        {
            if (metadata.Find(key) is not { } command)
                continue;
            if (!allowed)
                warnings.Add($"SERVICE_{key.ToUpperInvariant()} is left out, because script checks need --enable-script-checks");
            else if (ShellWords.Split(Interpolated(command, endpoint)) is not { } words)
                warnings.Add($"SERVICE_{key.ToUpperInvariant()} is left out, because a quote in it is left open or it is empty");
            else
            {
                if (Array.Find(words, IsOperator) is { } bare)
                    warnings.Add($"SERVICE_{key.ToUpperInvariant()} is run without a shell, which passes '{bare}' on as a word; for pipes, || or variables write sh -c '…'");
                yield return (key[MetadataKey.CheckPrefix.Length..], Check(key, words, endpoint, container));
            }
        }
    }

    private static bool IsOperator(string word) => word is "|" or "||" or "&" or "&&" or ";" or ">" or ">>" or "<";

    private static AgentServiceCheck Check(string key, string[] words, Endpoint endpoint, ContainerFacts container) => key switch
    {
        MetadataKey.CheckCommand => new AgentServiceCheck
        {
            Args = ["check-cmd", ShortId(container), endpoint.Port.Number.ToString(CultureInfo.InvariantCulture), .. words],
        },
        MetadataKey.CheckDocker => new AgentServiceCheck { DockerContainerID = container.Id, Args = words },
        _ => new AgentServiceCheck { Args = words },
    };

    private static string ShortId(ContainerFacts container) =>
        container.Id.Length > ShortIdLength ? container.Id[..ShortIdLength] : container.Id;

    private static string Interpolated(string command, Endpoint endpoint) => command
        .Replace("$SERVICE_IP", endpoint.Address, StringComparison.Ordinal)
        .Replace("$SERVICE_PORT", endpoint.PublishedPort.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
