using System.Net;
using Consul;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Output;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class HeldLockTests
{
    // A server that has just come back may refuse every token for a moment.
    [Theory]
    [InlineData(1, null)]
    [InlineData(int.MaxValue, "no right. Give a token that may do this in CONSUL_HTTP_TOKEN.")]
    public async Task Fenced_ConsulRefusesTheToken_IsTheEndOnlyWhereItLasts(int times, string? told)
    {
        var (time, asked, ct) = (new FakeTimeProvider(), 0, TestContext.Current.CancellationToken);
        using var consul = new LocalServer(path => path == "/v1/session/create" ? """{"ID":"s1"}""" : "true");
        var docker = new DockerHost("docker", Address: null, "0.0.0.0");
        using var mesh = new Mesh(new DeliverySettings(consul.Address("http"), new HostList([docker], docker), "mesh", "proxy"), time);
        await using var held = await HeldLock.TakeAsync(mesh, new PlainNarrator(new StringWriter(), time), "demo", new LockHolder("ci", "a test", default), ct);
        await held.GiveBackAsync();

        var fenced = held.FencedAsync(_ => ++asked <= times ? throw new ConsulRequestException("no right", HttpStatusCode.Forbidden) : Task.CompletedTask);
        while (await Task.WhenAny(fenced, Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, ct)) != fenced)
            time.Advance(TimeSpan.FromMilliseconds(100));

        Assert.Equal(told, (await fenced)?.Message);
        Assert.True(asked > 1);
    }
}
