namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The ids of checks. All services of an agent share one space of them, and whoever registers a check last has it.</summary>
internal static class CheckIds
{
    /// <summary>The only check that a container asks for, as Consul and Registrator name it: applications report to it.</summary>
    public static string OfOnly(string serviceId) => $"service:{serviceId}";

    /// <summary>The kind stands before the service's id, behind which nobody could tell where that ends: it may have any end.</summary>
    public static string Of(string kind, string serviceId) => $"mesh:{kind}:{serviceId}";
}
