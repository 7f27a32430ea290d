using Microsoft.Extensions.Options;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class ListeningOptionsTests
{
    [Fact]
    public void Validate_TheDefaults_AreSound() => Assert.Empty(Faults(new ListeningOptions()));

    [Fact]
    public void Validate_SeveralFreePorts_AreSound() => Assert.Empty(Faults(new ListeningOptions { HttpsPort = 0, H2cPort = 0 }));

    [Fact]
    public void Validate_EverythingWrong_TellsEachFaultWithItsSetting() => Assert.Equal(
        [
            "httpsPort 65536 is no TCP port: choose 1 to 65535 (--https-port or PROXY_HTTPS_PORT)",
            "publicHttpsPort 0 is no TCP port: choose 1 to 65535 (--public-https-port or PROXY_PUBLIC_HTTPS_PORT)",
            "h2cPort -1 is no TCP port: choose 1 to 65535 (--h2c-port or PROXY_H2C_PORT)",
            "certificates is empty: name the folder with the .crt and .key files (--certificates or PROXY_CERTIFICATES)",
            "headersTimeout 15.00:00:00 must be a second to an hour, such as 00:00:15 (--headers-timeout or PROXY_HEADERS_TIMEOUT)",
            "idleTimeout 00:00:00 must be a second to an hour, such as 00:02:10 (--idle-timeout or PROXY_IDLE_TIMEOUT)",
            "minBodyRate -1 must be 0 (off) or more bytes a second, such as 240 (--min-body-rate or PROXY_MIN_BODY_RATE)",
            "maxHeadersSize 10 must be 1024 to 1048576 bytes (--max-headers-size or PROXY_MAX_HEADERS_SIZE)",
            "maxRequestLine 0 must be 256 to 1048576 bytes (--max-request-line or PROXY_MAX_REQUEST_LINE)",
            "maxConnections -5 must be 0 (no limit) or more (--max-connections or PROXY_MAX_CONNECTIONS)",
            "stopDelay -00:00:01 must be 0 to an hour, such as 00:00:05 (--stop-delay or PROXY_STOP_DELAY)",
            "drainLimit 30.00:00:00 must be 0 to an hour, such as 00:00:30 (--drain-limit or PROXY_DRAIN_LIMIT)",
            "closeIdleAfter 10.00:00:00 must be 0 to an hour, such as 00:00:10 (--close-idle-after or PROXY_CLOSE_IDLE_AFTER)",
        ],
        Faults(new ListeningOptions
        {
            HttpsPort = 65536,
            PublicHttpsPort = 0,
            H2cPort = -1,
            Certificates = " ",
            HeadersTimeout = TimeSpan.FromDays(15),
            IdleTimeout = TimeSpan.Zero,
            MinBodyRate = -1,
            MaxHeadersSize = 10,
            MaxRequestLine = 0,
            MaxConnections = -5,
            StopDelay = TimeSpan.FromSeconds(-1),
            DrainLimit = TimeSpan.FromDays(30),
            CloseIdleAfter = TimeSpan.FromDays(10),
        }));

    [Fact]
    public void Validate_OnePortForTwoThings_IsTold() => Assert.Equal(
        ["port 8000 is chosen twice: --port, --https-port and --h2c-port must differ"],
        Faults(new ListeningOptions { HttpsPort = 8443, H2cPort = 8000 }));

    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    public void Validate_ARedirectToNowhere_IsTold(int? httpsPort) => Assert.Equal(
        ["redirectToHttps needs a port to send clients to: give --https-port, or --public-https-port where TLS ends before the proxy"],
        Faults(new ListeningOptions { RedirectToHttps = true, HttpsPort = httpsPort }));

    private static string[] Faults(ListeningOptions options) =>
        [.. new ListeningOptionsValidator(Options.Create(new ProxyOptions { Port = 8000 })).Validate(name: null, options).Failures ?? []];
}
