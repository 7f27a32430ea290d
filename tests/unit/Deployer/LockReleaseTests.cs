using System.Collections.Concurrent;
using System.Text;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class LockReleaseTests
{
    // The lock goes from one to the next between two looks at it.
    [Fact]
    public async Task Release_AnotherTakesTheLockMeanwhile_IsTakenFromTheOneWhoIsNamed()
    {
        var (looks, destroyed, output) = (0, new ConcurrentQueue<string>(), new StringWriter());
        using var consul = new LocalServer(path =>
        {
            if (path == "/v1/kv/mesh/locks/demo")
                return Interlocked.Increment(ref looks) == 1 ? Held("s1", "ann") : Held("s2", "bob");
            destroyed.Enqueue(path);
            return "true";
        });

        var code = await CommandLine.InvokeAsync(
            ["lock", "release", "demo", "--consul", consul.Address("http").ToString()], output, output, TestContext.Current.CancellationToken);

        Assert.True(code == 0, output.ToString());
        Assert.Contains("the lock of demo was taken from ann, who held it for: a test", output.ToString(), StringComparison.Ordinal);
        Assert.Equal(["/v1/session/destroy/s1"], destroyed);
    }

    private static string Held(string session, string who) =>
        $$"""[{"Key":"mesh/locks/demo","Session":"{{session}}","Value":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""{"who":"{{who}}","why":"a test","since":"2026-01-31T12:00:00Z"}"""))}}"}]""";
}
