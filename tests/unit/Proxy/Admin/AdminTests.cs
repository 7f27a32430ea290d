using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Admin;
using ServiceMesh.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Admin;

public sealed class AdminTests
{
    private const string Token = "0123456789abcdef0123456789abcdef";

    [Fact]
    public void Validate_TheDefaults_AreSound() => Assert.Empty(Faults(new AdminOptions()));

    [Theory]
    [InlineData(8000, 8001)]
    [InlineData(65535, 65534)]
    [InlineData(0, 0)]
    public void EndPoint_WithoutAPort_IsTheOneBesideTheTrafficPort(int traffic, int admin) =>
        Assert.Equal(admin, new AdminOptions().EndPoint(traffic).Port);

    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("::1")]
    public void Validate_ALoopbackAddress_NeedsNoToken(string address) => Assert.Empty(Faults(new AdminOptions { AdminAddress = address }));

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("10.0.0.9")]
    public void Validate_AnyOtherAddress_NeedsAToken(string address)
    {
        Assert.Equal(
            [$"adminAddress {address} is open to other hosts: set a token for it (PROXY_ADMIN_TOKEN, --admin-token-file or --admin-token)"],
            Faults(new AdminOptions { AdminAddress = address }));
        Assert.Empty(Faults(new AdminOptions { AdminAddress = address, AdminToken = Token }));
    }

    [Fact]
    public void Validate_EverythingWrong_TellsEachFault() => Assert.Equal(
        [
            "adminPort 65536 is no TCP port: choose 1 to 65535 (--admin-port or PROXY_ADMIN_PORT)",
            "adminAddress 'localhost' is no IP address: give one like 127.0.0.1, or 0.0.0.0 for all (--admin-address or PROXY_ADMIN_ADDRESS)",
            "the admin token must be 16 or more letters, digits and -._~+/=, such as openssl rand -hex 32 makes (PROXY_ADMIN_TOKEN, --admin-token-file or --admin-token)",
        ],
        Faults(new AdminOptions { AdminPort = 65536, AdminAddress = "localhost", AdminToken = "secret" }));

    [Fact]
    public void Validate_ATokenAndAFile_AreOneTooMany() => Assert.Contains(
        "adminToken and adminTokenFile are both set: give one of them (--admin-token or --admin-token-file)",
        Faults(new AdminOptions { AdminToken = Token, AdminTokenFile = "/nowhere" }));

    [Fact]
    public void Validate_AFileThatIsNotThere_IsNamed() => Assert.StartsWith(
        "adminTokenFile '/nowhere/token' cannot be read: ", Assert.Single(Faults(new AdminOptions { AdminTokenFile = "/nowhere/token" })), StringComparison.Ordinal);

    [Theory]
    [InlineData("Bearer " + Token, true)]
    [InlineData("bearer " + Token, true)]
    [InlineData("Bearer " + Token + "0", false)]
    [InlineData("Bearer ", false)]
    [InlineData(Token, false)]
    [InlineData("Basic " + Token, false)]
    [InlineData(null, false)]
    public async Task Gate_WithAToken_OpensForThatAlone(string? authorization, bool opens)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Token + "\n", TestContext.Current.CancellationToken);
        var gate = new AdminGate(Options.Create(new AdminOptions { AdminTokenFile = file }));
        File.Delete(file);
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = authorization;

        Assert.Equal(opens, gate.IsOpenFor(context.Request));
    }

    [Theory]
    [InlineData(null, null, 8001, 8001)]
    [InlineData(null, 8001, null, 8001)]
    [InlineData(8000, null, null, 8000)]
    [InlineData(8443, 8443, null, 8443)]
    public void Validate_APortThatIsAnothersToo_IsTold(int? admin, int? https, int? h2c, int twice) => Assert.Equal(
        [$"port {twice} is chosen twice: the admin port, which is the one above --port where nothing is said, must differ from --port, --https-port and --h2c-port (--admin-port or PROXY_ADMIN_PORT)"],
        Faults(new AdminOptions { AdminPort = admin }, new ListeningOptions { HttpsPort = https, H2cPort = h2c }));

    [Theory]
    [InlineData(null, 8000, 8443, 8002)]
    [InlineData(0, 0, 0, 0)]
    [InlineData(null, 0, 0, 0)]
    public void Validate_PortsThatDiffer_OrAreFreeOnes_AreSound(int? admin, int traffic, int https, int h2c) =>
        Assert.Empty(Faults(new AdminOptions { AdminPort = admin }, new ListeningOptions { HttpsPort = https, H2cPort = h2c }, traffic));

    private static string[] Faults(AdminOptions options, ListeningOptions? listening = null, int port = 8000) =>
        [.. new AdminOptionsValidator(Options.Create(new ProxyOptions { Port = port }), Options.Create(listening ?? new ListeningOptions())).Validate(name: null, options).Failures ?? []];
}
