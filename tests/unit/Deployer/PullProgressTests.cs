using Docker.DotNet.Models;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class PullProgressTests
{
    [Fact]
    public void Note_LayersOfSeveralPulls_AreTheSumOfWhatIsDownloaded()
    {
        var progress = new PullProgress();

        Assert.Null(progress.Note("one", new JSONMessage { Status = "Pulling from demo", ID = "v1" }));
        Assert.Equal("1.0 of 4.0 MB", progress.Note("one", Loading("a", 1_000_000, 4_000_000)));
        Assert.Equal("1.0 of 10.0 MB", progress.Note("one", Loading("b", 0, 6_000_000)));
        Assert.Equal("3.0 of 16.0 MB", progress.Note("two", Loading("b", 2_000_000, 6_000_000)));
        Assert.Equal("4.5 of 16.0 MB", progress.Note("one", Loading("a", 2_500_000, 4_000_000)));
        Assert.Equal("6.0 of 16.0 MB", progress.Note("one", new JSONMessage { Status = "Download complete", ID = "a" }));
        Assert.Null(progress.Note("one", new JSONMessage { Status = "Extracting", ID = "a", Progress = new JSONProgress { Current = 1, Total = 4_000_000 } }));
        Assert.Null(progress.Note("one", new JSONMessage { Status = "Download complete", ID = "small" }));
    }

    private static JSONMessage Loading(string layer, long current, long total) =>
        new() { Status = "Downloading", ID = layer, Progress = new JSONProgress { Current = current, Total = total } };
}
