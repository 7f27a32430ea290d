namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The ids of checks. All services of an agent share one space of them, and whoever registers a check last has it.</summary>
internal static class CheckIds
{
    private const string OnlyPrefix = "service:";
    private const string KindPrefix = "mesh:";

    /// <summary>The only check that a container asks for, as Consul and Registrator name it: applications report to it.</summary>
    public static string OfOnly(string serviceId) => OnlyPrefix + serviceId;

    /// <summary>The kind stands before the service's id, behind which nobody could tell where that ends: it may have any end.</summary>
    public static string Of(string kind, string serviceId) => $"{KindPrefix}{kind}:{serviceId}";

    /// <summary>Whether a check of this service bears an id that is made here.</summary>
    public static bool Are(string checkId, string serviceId) =>
        checkId.StartsWith(KindPrefix, StringComparison.Ordinal) ? checkId.EndsWith($":{serviceId}", StringComparison.Ordinal) : checkId == OfOnly(serviceId);
}
