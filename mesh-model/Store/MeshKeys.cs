using System.Globalization;
using System.Security.Cryptography;

namespace ServiceMesh.Store;

/// <summary>
/// How the mesh spells its keys in Consul KV; nothing outside the store spells one. Every prefix ends in a slash, because
/// Consul's recursion is by characters: <c>p/svc-1</c> would also match <c>p/svc-10</c>.
/// </summary>
internal static class MeshKeys
{
    public const string Services = "mesh/services/";

    public static string Service(string service) => Services + service;

    public static string ServiceOf(string key) => key.StartsWith(Services, StringComparison.Ordinal) ? key[Services.Length..] : "";

    public static string HistoryOf(string service) => $"mesh/history/{service}/";

    // Eight digits, so that Consul's order of keys is the order of entries.
    public static string History(string service, int number) =>
        HistoryOf(service) + number.ToString("D8", CultureInfo.InvariantCulture);

    public static int NumberOf(string historyKey) =>
        int.TryParse(historyKey.AsSpan(historyKey.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0;

    /// <summary>The document that was changed last, whichever it is: the service's name, a line feed, the document.</summary>
    public const string Latest = "mesh/latest";

    public const string Secrets = "mesh/keys/";

    public const string Cookie = Secrets + "cookie";

    public const string Signers = Secrets + "deployers/";

    /// <summary>
    /// A signer's public key, by its id too: CI containers with one host name each have a key of their own.
    /// </summary>
    public static string Signer(string signer, ECDsa key) => $"{Signers}{signer}/{CandidatePass.KeyId(key)}";

    public static string Lock(string service) => $"mesh/locks/{service}";
}
