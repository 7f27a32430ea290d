using System.Globalization;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class RollingStepTests
{
    [Theory]
    // replicas, batch, active → from-to:share:remaining
    [InlineData(3, 1, 3, "1-1:33.33:2 2-2:66.67:1 3-3:100:0")]
    [InlineData(5, 2, 5, "1-2:40:3 3-4:80:1 5-5:100:0")]
    [InlineData(2, 5, 2, "1-2:100:0")]
    [InlineData(4, 1, 1, "1-1:25:1 2-2:50:1 3-3:75:1 4-4:100:0")]
    [InlineData(2, 1, 6, "1-1:50:3 2-2:100:0")]
    public void Of_ReplicasInBatches_KeepAsManyAsTheRestOfTheTrafficNeeds(int replicas, int batch, int active, string steps) => Assert.Equal(
        steps,
        string.Join(' ', RollingStep.Of(replicas, batch, active).Select(step => string.Create(CultureInfo.InvariantCulture, $"{step.From}-{step.To}:{step.Share}:{step.Remaining}"))));
}
