using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class AbortSentenceTests
{
    // What was removed, and what a proxy or another Consul may still lead to.
    [Theory]
    [InlineData("v1", null, "", "", "is as it was (v1 is active): nothing was left unfinished")]
    [InlineData(null, null, "a", "", "is as it was (nothing is active): 1 container removed")]
    [InlineData("v1", "v2", "a b", "", "is as it was (v1 is active): the split with v2 is over; 2 containers removed")]
    [InlineData("v1", null, "", "c", "is left unfinished (v1 is active): c stays, for it may still serve")]
    [InlineData("v1", null, "a", "c d", "is left unfinished (v1 is active): 1 container removed; c, d stay, for they may still serve")]
    [InlineData("v1", "v2", "", "c", "is left unfinished (v1 is active): the split with v2 is over; c stays, for it may still serve")]
    public void Of_WhatStays_IsNamedAndNothingIsCalledFinished(string? active, string? split, string removed, string stayed, string sentence) =>
        Assert.Equal(sentence, AbortSentence.Of(Release(active), Release(split), new Cleaned(Containers(removed), Containers(stayed))));

    private static Release? Release(string? version) => version is null ? null : new Release($"d-{version}", version, $"demo@sha256:{version}", DateTimeOffset.UnixEpoch);

    private static OwnContainer[] Containers(string names) =>
        [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => new OwnContainer("prod", $"id-{name}", name, "d", "v2", Running: true, ByHand: false))];
}
