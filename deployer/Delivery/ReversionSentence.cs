using System.Globalization;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What is told of a release that had traffic and has none any more, and what to do next.</summary>
internal static class ReversionSentence
{
    public static string AtShare(string service, string version, double share, string reason, string active) => string.Create(
        CultureInfo.InvariantCulture, $"{service} {version} was taken out of the traffic at {share} %: {reason}. {active} serves all of it again. Mend it, then deploy again.");

    /// <param name="service">The service's name.</param>
    /// <param name="version">The release's version.</param>
    /// <param name="reason">A failure as it is told of a candidate, with what to do about it.</param>
    /// <param name="active">The version that serves.</param>
    public static string ByFailure(string service, string version, string reason, string active) =>
        $"{service} {version} was taken out of the traffic: {reason} {active} serves all of it again. 'deployer history {service}' has what was tried.";

    public static string NotReplaced(string service, string version, string reason) =>
        $"{service} {version} was taken out of the traffic: {reason}. The warnings name the proxy: start it again, or take it out of Consul, then deploy again.";

    public static string Promoted(string service, string version, string reason, string active) =>
        $"{service} {version} was promoted and reverted: {reason}. {active} is active again. Mend it, then deploy again.";

    public static string First(string service, string version, string reason) =>
        $"{service} {version} does badly: {reason}. It stays active, because it is the first. 'deployer logs {service}' has what it prints; mend it, then deploy again.";
}
