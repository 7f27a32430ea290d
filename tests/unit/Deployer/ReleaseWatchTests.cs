using ServiceMesh.Deployer.Delivery.Canary;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ReleaseWatchTests
{
    private static readonly Instance One = new("i1", "n", "demo", "10.0.0.9", 5000, "d", "v2", "passing");

    [Theory]
    [InlineData("passing passing passing", null)]
    [InlineData("passing critical passing", "its instance i2 is critical")]
    [InlineData("passing", "it has 1 of its 3 instances left")]
    [InlineData("", "no instance of it is registered any more")]
    public void Illness_ByWhatIsRegisteredOfThree_SaysWhatIsWrong(string registered, string? illness)
    {
        var instances = registered.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select((health, i) => One with { Id = $"i{i + 1}", Health = health }).ToArray();

        Assert.Equal(illness, ReleaseWatch.Illness(instances, started: 3));
    }
}
