using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>The variables of Docker's and Consul's own tools lead the sidecar to both, where no option says anything else.</summary>
public sealed class VariablesTests(SidecarConsul parts, AclConsulFixture acl) : IClassFixture<AclConsulFixture>
{
    [Fact]
    public async Task Process_DockerAndConsulWantCertificatesAndAToken_RegistersByTheVariablesAlone()
    {
        using var files = new CertificateFiles();
        await using var plain = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var docker = TcpRelay.Start(plain.Address.Port, files);
        await using var consul = TcpRelay.Start(acl.Address.Port, files);
        await using var mesh = new SidecarMesh(parts);
        using var client = ConsulFixture.ClientOf(acl.Address, acl.ManagementToken);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);

        using var sidecar = OperationTests.Start(
            $"--node {mesh.Node} --environment {mesh.Environment} --ip 192.0.2.1",
            $"DOCKER_HOST=tcp://127.0.0.1:{docker.Port} DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={files.Folder} "
                + $"CONSUL_HTTP_ADDR=127.0.0.1:{consul.Port} CONSUL_HTTP_SSL=true CONSUL_CACERT={files.Authority} "
                + $"CONSUL_CLIENT_CERT={files.Client} CONSUL_CLIENT_KEY={files.ClientKey} CONSUL_HTTP_TOKEN={acl.ManagementToken}");
        string[] said;
        var saying = Task.WhenAll(sidecar.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), sidecar.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        try
        {
            await ConsulFixture.Until((q, ct) => client.Health.Service(service, "", passingOnly: false, q, ct), entries => entries.Length == 1);
        }
        finally
        {
            sidecar.Kill();
            said = await saying;
        }

        Assert.Equal(["", ""], said);
    }
}
