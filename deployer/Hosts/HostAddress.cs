namespace ServiceMesh.Deployer.Hosts;

/// <summary>How a Docker host is reached.</summary>
internal static class HostAddress
{
    /// <summary>What an address may look like.</summary>
    public const string Forms = "unix:///var/run/docker.sock, tcp://10.0.0.9:2376 or ssh://deploy@10.0.0.9";

    // The port that Docker's documentation gives to TLS.
    private const int TlsPort = 2376;

    /// <returns>What is wrong with the text; <c>null</c> if nothing is.</returns>
    public static string? TryParse(string text, out Uri? address)
    {
        address = null;
        if (!Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "tcp://" + text, UriKind.Absolute, out var uri))
            return $"'{text[(text.LastIndexOf('@') + 1)..]}' is no address; one looks like {Forms}";
        // Every message with the address would print them.
        if (uri.UserInfo.Length > 0 && (uri.Scheme != "ssh" || uri.UserInfo.Contains(':', StringComparison.Ordinal)))
            return $"an address has no password, and a user only for ssh; one looks like {Forms}";
        if (uri.Scheme is not ("unix" or "tcp" or "ssh" or "http" or "https"))
            return $"'{text}' must be one of {Forms}";
        if (uri.Scheme == "unix" ? uri.LocalPath.Length < 2 : uri.Host.Length == 0)
            return $"'{text}' is no address; one looks like {Forms}";
        address = uri is { Scheme: "tcp", Port: -1 } ? new UriBuilder(uri) { Port = TlsPort }.Uri : uri;
        return null;
    }

    /// <summary>Whether whoever can see the connection could read and change it.</summary>
    public static bool IsOpen(Uri address) => address.Scheme is "tcp" or "http" or "https";
}
