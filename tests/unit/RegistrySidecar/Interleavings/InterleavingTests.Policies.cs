using CsCheck;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>Who ended goes or stays as <c>--deregister</c> says.</summary>
public sealed partial class InterleavingTests
{
    private static readonly Gen<DeregisterPolicy> Policies = Gen.Enum<DeregisterPolicy>();

    [Fact]
    public Task Reconcile_EachThingIsSeenAsItHappens_WhoEndedStaysAsThePolicySays() =>
        Gen.Select(Step.Plainly.Array[1, 20], Policies).SampleAsync(
            async (steps, policy) =>
            {
                await using var node = await SimulatedNode.StartAsync(Never, TimeSpan.Zero, policy: policy);
                node.Connect();
                foreach (var step in steps)
                {
                    var before = node.Consul.Services.ToList();
                    await step.DoAsync(node);
                    node.Docker.Undelivered.ForEach(node.Deliver);
                    node.Docker.Undelivered.Clear();
                    await node.AdvanceAsync(LongestRetry);

                    Assert.Equal(node.Expected, node.Registered);
                    var running = node.Docker.Running.Select(container => container.Id).ToHashSet(StringComparer.Ordinal);
                    var now = node.Consul.Services.ToDictionary(service => service.ID, Ownership.ContainerOf, StringComparer.Ordinal);
                    // Only one that runs takes the id of one that ended.
                    Assert.All(before.Where(node.MayStay), stays =>
                        Assert.True(now[stays.ID] == Ownership.ContainerOf(stays) || running.Contains(now[stays.ID]), stays.ID));
                }
            },
            iter: 500,
            print: run => $"{run.Item2}: {string.Join("; ", run.Item1.AsEnumerable())}");
}
