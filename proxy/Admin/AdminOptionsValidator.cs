using System.Buffers;
using System.Net;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Listening;

namespace ServiceMesh.Proxy.Admin;

/// <summary>Finds all that is wrong with the admin port's settings at once; it needs the other ports, too.</summary>
internal sealed class AdminOptionsValidator(IOptions<ProxyOptions> proxy, IOptions<ListeningOptions> listening) : IValidateOptions<AdminOptions>
{
    private const int ShortestToken = 16;

    // RFC 6750, section 2.1.
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

    public ValidateOptionsResult Validate(string? name, AdminOptions options)
    {
        string[] faults = [.. Place(options), .. Token(options)];
        return faults.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private IEnumerable<string> Place(AdminOptions options)
    {
        if (options.AdminPort is < 0 or > IPEndPoint.MaxPort)
            yield return $"adminPort {options.AdminPort} is no TCP port: choose 1 to 65535 (--admin-port or PROXY_ADMIN_PORT)";
        if (!IPAddress.TryParse(options.AdminAddress, out _))
            yield return $"adminAddress '{options.AdminAddress}' is no IP address: give one like 127.0.0.1, or 0.0.0.0 for all (--admin-address or PROXY_ADMIN_ADDRESS)";
        else if (TakenPort(options) is { } port)
            yield return $"port {port} is chosen twice: the admin port, which is the one above --port where nothing is said, must differ from --port, --https-port and --h2c-port (--admin-port or PROXY_ADMIN_PORT)";
    }

    // Several zeros are several free ports.
    private int? TakenPort(AdminOptions options)
    {
        try
        {
            var port = options.PortBeside(proxy.Value.Port);
            int?[] others = [proxy.Value.Port, listening.Value.HttpsPort, listening.Value.H2cPort];
            return port != 0 && others.Contains(port) ? port : null;
        }
        catch (OptionsValidationException)
        {
            // What is wrong there is told beside what is wrong here.
            return null;
        }
    }

    private static IEnumerable<string> Token(AdminOptions options)
    {
        if (options is { AdminToken: not null, AdminTokenFile: not null })
            yield return "adminToken and adminTokenFile are both set: give one of them (--admin-token or --admin-token-file)";
        var (token, fault) = Read(options);
        if (fault is not null)
            yield return fault;
        else if (token is null && IPAddress.TryParse(options.AdminAddress, out var address) && !IPAddress.IsLoopback(address))
            yield return $"adminAddress {address} is open to other hosts: set a token for it (PROXY_ADMIN_TOKEN, --admin-token-file or --admin-token)";
        else if (token is not null && (token.Length < ShortestToken || token.AsSpan().ContainsAnyExcept(TokenCharacters)))
            yield return $"the admin token must be {ShortestToken} or more letters, digits and -._~+/=, such as openssl rand -hex 32 makes (PROXY_ADMIN_TOKEN, --admin-token-file or --admin-token)";
    }

    private static (string? Token, string? Fault) Read(AdminOptions options)
    {
        try
        {
            return (options.Token(), null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (null, $"adminTokenFile '{options.AdminTokenFile}' cannot be read: {error.Message} (--admin-token-file or PROXY_ADMIN_TOKEN_FILE)");
        }
    }
}
