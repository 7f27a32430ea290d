using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class InitTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Init_AnImage_WritesAManifestThatIsValid_AndNeverOverOne()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{deployer.Service}.init.yaml");
        try
        {
            var written = await deployer.RunAsync(["init", $"{host.Registry}/app:v1", "--file", path]);
            Assert.True(written.Code == ExitCode.Done, written.Output);
            Assert.Contains($"deployer plan {path} --version v1", written.Output, StringComparison.Ordinal);
            Assert.Contains("port: 5000", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), StringComparison.Ordinal);

            var valid = await deployer.RunAsync(["validate", path]);
            Assert.True(valid.Code == ExitCode.Done, valid.Output);

            var again = await deployer.RunAsync(["init", $"{host.Registry}/app:v1", "--file", path]);
            Assert.Equal(ExitCode.WrongInput, again.Code);
            Assert.Contains("is there already and is not overwritten", again.Output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Init_AnImageThatIsNowhere_SaysSoAndWritesNothing()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{deployer.Service}.none.yaml");

        var ended = await deployer.RunAsync(["init", $"{host.Registry}/app:none", "--file", path]);

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains("is not in its registry", ended.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }
}
