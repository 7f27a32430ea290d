using Consul;
using Xunit;

namespace ServiceMesh.Tests.Unit.ConsulApi;

public sealed class HealthStatusTests
{
    [Theory]
    [InlineData("passing", "passing")]
    [InlineData("passing", "")]
    [InlineData("warning", "passing,warning,passing")]
    [InlineData("critical", "warning,critical,passing")]
    [InlineData("critical", "critical,warning")]
    public void AggregatedStatus_Checks_IsTheWorst(string expected, string states)
    {
        var checks = states.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(state => new HealthCheck { CheckID = "c", Status = HealthStatus.Parse(state) });

        Assert.Equal(expected, checks.AggregatedStatus().Status);
    }

    [Theory]
    [InlineData("_node_maintenance")]
    [InlineData("_service_maintenance:demo")]
    public void AggregatedStatus_Maintenance_GoesBeforeCritical(string checkId)
    {
        HealthCheck[] checks =
        [
            new() { CheckID = "c", Status = HealthStatus.Critical },
            new() { CheckID = checkId, Status = HealthStatus.Critical },
        ];

        Assert.Equal(HealthStatus.Maintenance, checks.AggregatedStatus());
    }

    [Fact]
    public void AggregatedStatus_NoList_IsPassing() =>
        Assert.Equal(HealthStatus.Passing, ((IEnumerable<HealthCheck>?)null).AggregatedStatus());

    [Fact]
    public void Parse_UnknownState_IsNamed() =>
        Assert.Contains(
            "'banana'",
            Assert.Throws<ArgumentException>(() => HealthStatus.Parse("banana")).Message,
            StringComparison.Ordinal);
}
