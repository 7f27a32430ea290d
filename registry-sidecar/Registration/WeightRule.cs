using System.Globalization;
using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>An instance's weight beside the others of its release, from <c>SERVICE_WEIGHT</c>; Consul gives 1 where nothing is said.</summary>
internal static class WeightRule
{
    // Consul's own limit, that of an SRV record.
    private const int Heaviest = 65535;

    public static AgentWeights? Of(PortMetadata metadata, List<string> warnings)
    {
        if (metadata.Find(MetadataKey.Weight) is not { } text)
            return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var weight) && weight is >= 1 and <= Heaviest)
            return new AgentWeights { Passing = weight, Warning = weight };
        warnings.Add($"the weight '{ForeignText.Shown(text, 40)}' is left out, because it is no number from 1 to {Heaviest}");
        return null;
    }
}
