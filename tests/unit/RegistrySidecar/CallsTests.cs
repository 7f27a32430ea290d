using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class CallsTests
{
    // On its way from an event to the catalog a change meets both; each detour over the thread pool would take as long as the call.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void ForEachAsync_NoneOrOne_AreMadeRightHere(int subjects)
    {
        List<int> threads = [];

        var calls = Calls.ForEachAsync(
            [.. Enumerable.Range(0, subjects)],
            (_, _) =>
            {
                threads.Add(Environment.CurrentManagedThreadId);
                return ValueTask.CompletedTask;
            },
            TestContext.Current.CancellationToken);

        Assert.True(calls.IsCompletedSuccessfully);
        Assert.Equal(Enumerable.Repeat(Environment.CurrentManagedThreadId, subjects), threads);
    }
}
