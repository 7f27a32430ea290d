using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Verbs;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>A manifest is written in whole or not at all.</summary>
public sealed class InitTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();

    private string Manifest => Path.Combine(folder.FullName, "service.yaml");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Save_TheDiskIsFull_SaysSoAndLeavesNothing()
    {
        var refused = await Assert.ThrowsAsync<DeliveryException>(() => InitVerb.SaveAsync(Manifest, Half(new IOException("No space left on device"))));

        Assert.Equal((ExitCode.WrongInput, $"'{Manifest}' cannot be written: No space left on device. Name another place with --file"), (refused.Code, refused.Message));
        Assert.False(File.Exists(Manifest));
    }

    [Fact]
    public async Task Save_Interrupted_LeavesNothing()
    {
        await Assert.ThrowsAsync<OperationCanceledException>(() => InitVerb.SaveAsync(Manifest, Half(new OperationCanceledException())));

        Assert.False(File.Exists(Manifest));
    }

    [Fact]
    public async Task Save_OneIsThere_IsRefusedAndStays()
    {
        await File.WriteAllTextAsync(Manifest, "mine", TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<DeliveryException>(() => InitVerb.SaveAsync(Manifest, Half(new IOException())));

        Assert.Contains("is there already", refused.Message, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(Manifest, TestContext.Current.CancellationToken));
    }

    private static Func<Stream, Task> Half(Exception error) => async file =>
    {
        await file.WriteAsync("name:"u8.ToArray());
        throw error;
    };
}
