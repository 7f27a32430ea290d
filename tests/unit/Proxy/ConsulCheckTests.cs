using ServiceMesh.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

/// <summary>A proxy is registered with a check, by the script and by the role that start it.</summary>
public sealed class ConsulCheckTests
{
    // Its answer is a word. That of /services is megabytes where there are thousands, and a proxy that is stopping gives it, too.
    [Theory]
    [InlineData("mesh-parts.sh", "SERVICE_CHECK_HTTP=")]
    [InlineData("ansible-proxy.yml", "SERVICE_CHECK_HTTP: ")]
    [InlineData("proxy-README.md", "SERVICE_CHECK_HTTP=")]
    public async Task Check_WhereverItIsNamed_AsksWhetherTheProxyIsReady(string file, string setting)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, file), TestContext.Current.CancellationToken);

        Assert.Equal(ReadinessAnswer.Path, Assert.Single(text.Split(setting)[1..]).Split([' ', '\n', '`'])[0]);
    }
}
