using Consul;
using ServiceMesh.Proxy.Following;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

/// <summary>
/// A check is written as <c>service/id:status@node</c>, with <c>#tags</c> behind it where it has any; a node's own is without a service, <c>/id:status@node</c>.
/// </summary>
public sealed class HealthViewTests
{
    [Theory]
    [InlineData("nothing changed", "a/1:passing@n b/1:passing@n", "a/1:passing@n b/1:passing@n", "")]
    [InlineData("the order alone", "a/1:passing@n a/2:passing@n", "a/2:passing@n a/1:passing@n", "")]
    [InlineData("a status", "a/1:passing@n b/1:passing@n", "a/1:critical@n b/1:passing@n", "a")]
    [InlineData("one of several checks", "a/1:passing@n a/2:passing@n", "a/1:passing@n a/2:warning@n", "a")]
    [InlineData("the tags", "a/1:passing@n#candidate", "a/1:passing@n#active", "a")]
    [InlineData("a check on another node", "a/1:passing@n", "a/1:passing@m", "a")]
    [InlineData("a new check", "a/1:passing@n", "a/1:passing@n a/2:passing@n", "a")]
    [InlineData("a check that is gone", "a/1:passing@n a/2:passing@n", "a/1:passing@n", "a")]
    [InlineData("a new service", "a/1:passing@n", "a/1:passing@n b/1:passing@n", "b")]
    [InlineData("a service that is gone", "a/1:passing@n b/1:passing@n", "a/1:passing@n", "b")]
    [InlineData("a node's own check, for all that runs there", "a/1:passing@n b/1:passing@m /serf:passing@n", "a/1:passing@n b/1:passing@m /serf:critical@n", "a")]
    [InlineData("a node's maintenance", "a/1:passing@n b/1:passing@n c/1:passing@m", "a/1:passing@n b/1:passing@n c/1:passing@m /_node_maintenance:critical@n", "a b")]
    [InlineData("everything at first", "", "a/1:passing@n b/1:passing@m /serf:passing@n", "a b")]
    public void ChangedSince_TellsWhoseInstancesAreToBeReadAgain(string why, string before, string now, string changed)
    {
        var told = string.Join(' ', View(now).ChangedSince(View(before)).Order(StringComparer.Ordinal));

        Assert.True(changed == told, $"{why}: {told}");
    }

    // A check that runs tells another output each time.
    [Fact]
    public void ChangedSince_AnotherOutputAlone_IsNoChange()
    {
        HealthCheck one = Check("a/1:passing@n"), other = Check("a/1:passing@n");
        other.Output = "HTTP GET: 200 OK";

        Assert.Empty(new HealthView([other]).ChangedSince(new HealthView([one])));
    }

    private static HealthView View(string checks) => new(checks.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Check));

    private static HealthCheck Check(string written)
    {
        var parts = written.Split('/', ':', '@', '#');
        return new HealthCheck
        {
            ServiceName = parts[0],
            CheckID = parts[1],
            Status = parts[2] switch { "passing" => HealthStatus.Passing, "warning" => HealthStatus.Warning, _ => HealthStatus.Critical },
            Node = parts[3],
            ServiceTags = parts[4..],
        };
    }
}
