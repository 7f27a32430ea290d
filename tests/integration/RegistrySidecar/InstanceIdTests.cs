using Consul;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>
/// Consul takes any id in a body; whether it gives the instance back is seen only when that is asked for by its path. What cannot
/// be removed stays with a Consul of these tests' own.
/// </summary>
public sealed class InstanceIdTests(SidecarConsul parts, ConsulFixture own) : IClassFixture<ConsulFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("h1:web:80:udp", true)]
    [InlineData("a b", true)]
    [InlineData("a/b", true)]
    [InlineData("a%2Fb?c#d\\\"'", true)]
    [InlineData("größe-日本", true)]
    [InlineData("a..b/.c", true)]
    [InlineData("a\tb", false)]
    [InlineData("a\u001b[2Jb", false)]
    [InlineData("a\u00a0b", false)]
    [InlineData("a\u200bb", false)]
    [InlineData("a//b", false)]
    [InlineData("/a", false)]
    [InlineData("a/../b", false)]
    [InlineData("a/.", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    public async Task Deregister_AnyId_SucceedsForThoseThatFit(string id, bool fits)
    {
        Assert.Equal((fits, fits), (InstanceIds.Fits(id), await IsRemovedAsync(id)));
    }

    // Whether Consul's Unicode knows it is a matter of its version.
    [Fact]
    public async Task Deregister_AnIdOfANewerUnicode_SucceedsIfItFits()
    {
        const string MeltingFace = "\U0001fae0";

        Assert.True(!InstanceIds.Fits(MeltingFace) || await IsRemovedAsync(MeltingFace));
    }

    [Fact]
    public async Task Die_ContainerWithAnIdThatConsulWouldKeep_IsGone()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}", $"SERVICE_ID={mesh.Named("a\tb")}"]);
        Assert.Equal($"{mesh.Node}:{mesh.Named("web")}:8500", (await mesh.RegisteredAsync(service)).Service.ID);

        await mesh.KillAsync(container);

        await mesh.GoneAsync(service);
    }

    private async Task<bool> IsRemovedAsync(string id)
    {
        await own.Client.Agent.ServiceRegister(new AgentServiceRegistration { ID = id, Name = "any-id" }, Ct);

        var error = await Record.ExceptionAsync(() => own.Client.Agent.ServiceDeregister(id, Ct));

        return error is null && !(await own.Client.Agent.Services(Ct)).Response.ContainsKey(id);
    }
}
