using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ImageStoreTests
{
    [Fact]
    public async Task Pull_TheCredentialsTakeTheirTime_IsNoSilenceOfTheRegistrys()
    {
        var (docker, time) = (Substitute.For<IDockerClient>(), new FakeTimeProvider());
        var credentials = new RegistryCredentials("""{"credsStore": "slow"}""", (_, _, _) =>
        {
            time.Advance(TimeSpan.FromMinutes(3));
            return Task.FromResult<string?>(null);
        });
        docker.Images.CreateImageAsync(Arg.Any<ImagesCreateParameters>(), Arg.Any<AuthConfig>(), Arg.Any<IProgress<JSONMessage>>(), Arg.Any<CancellationToken>())
            .Returns(call => Task.Delay(TimeSpan.Zero, TimeProvider.System, call.Arg<CancellationToken>()));
        docker.Images.InspectImageAsync("cd:5000/demo:v1", Arg.Any<CancellationToken>()).Returns(new ImageInspectResponse { RepoDigests = ["cd:5000/demo@sha256:1"] });

        var pulled = await new ImageStore(docker, credentials, time).PullAsync(new ImageReference("cd:5000/demo", "v1"), told: null, TestContext.Current.CancellationToken);

        Assert.Equal("cd:5000/demo@sha256:1", pulled.ByDigest);
    }
}
