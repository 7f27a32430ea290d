namespace ServiceMesh.Deployer.Delivery;

/// <summary>What keeps a service's requests from its instances, whatever is active, until a person ends it. Pure.</summary>
internal static class Holding
{
    /// <returns><c>maintenance</c> or <c>paused</c>; <c>null</c> for neither.</returns>
    public static string? Of(ServiceDocument? document) => document switch
    {
        { Maintenance: not null } => "maintenance",
        { Pause: not null } => "paused",
        _ => null,
    };

    /// <summary>What becomes of the requests, and which verb ends that; <c>null</c> where they are sent on.</summary>
    /// <param name="document">The service's document.</param>
    /// <param name="still">Said where it was told before.</param>
    public static string? Sentence(ServiceDocument? document, string still = "") => document switch
    {
        { Maintenance: { } maintenance } =>
            $"{document.Service} is {still}under maintenance, since {maintenance.Since.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC: requests get 503, whatever is active. 'deployer resume {document.Service}' ends that",
        { Pause: { } pause } =>
            $"{document.Service} is {still}paused, since {pause.Since.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC: requests are held for up to {DurationText.Write(pause.Limit ?? Pause.DefaultLimit)}, then get 504, whatever is active. "
            + $"'deployer resume {document.Service}' lets them go",
        _ => null,
    };
}
