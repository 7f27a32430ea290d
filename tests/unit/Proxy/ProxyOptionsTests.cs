using ServiceMesh.Proxy;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class ProxyOptionsTests
{
    [Fact]
    public void Validate_TheDefaults_AreSound() => Assert.True(Faults(new ProxyOptions()) is []);

    [Fact]
    public void Validate_ALossHoldOfZero_TurnsTheGuardOff() => Assert.True(Faults(new ProxyOptions { LossHold = TimeSpan.Zero }) is []);

    [Fact]
    public void Validate_EverythingWrong_TellsEachFaultWithItsSetting()
    {
        var faults = Faults(new ProxyOptions
        {
            Port = 65536,
            Consul = new Uri("ftp://consul"),
            State = " ",
            ConsulWait = TimeSpan.FromDays(3),
            Resync = TimeSpan.Zero,
            LossShare = double.NaN,
            LossHold = TimeSpan.FromDays(30),
        });

        Assert.Equal(
            [
                "port 65536 is no TCP port: choose 1 to 65535 (--port or PROXY_PORT)",
                "consul 'ftp://consul/' is no address: give one like http://127.0.0.1:8500 (--consul, PROXY_CONSUL or CONSUL_HTTP_ADDR)",
                "state is empty: name a folder that the proxy may write to (--state or PROXY_STATE)",
                "consulWait 3.00:00:00 must be more than zero and at most an hour, such as 00:00:03 (--consul-wait or PROXY_CONSUL_WAIT)",
                "resync 00:00:00 must be a second to an hour, such as 00:00:15 (--resync or PROXY_RESYNC)",
                "lossShare NaN must be 0 to 1, such as 0.5 (--loss-share or PROXY_LOSS_SHARE)",
                "lossHold 30.00:00:00 must be 0 (off) to an hour, such as 00:00:30 (--loss-hold or PROXY_LOSS_HOLD)",
            ],
            faults);
    }

    private static string[] Faults(ProxyOptions options) => [.. new ProxyOptionsValidator().Validate(name: null, options).Failures ?? []];
}
