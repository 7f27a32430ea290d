using System.Reflection;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Whatever a container or an operator may say stands in the README's tables.</summary>
public sealed class ReadmeTests
{
    public static TheoryData<string> Keys =>
    [
        .. typeof(MetadataKey).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(constant => (string)constant.GetRawConstantValue()!)
            .Where(key => key != MetadataKey.CheckPrefix)
            .Select(key => key.ToUpperInvariant()),
    ];

    // As Registrator v7's own usage lists them.
    public static TheoryData<string> Flags =>
    [
        "-cleanup", "-deregister", "-explicit", "-internal", "-ip", "-resync", "-retry-attempts", "-retry-interval", "-tags", "-ttl", "-ttl-refresh", "-useIpFromLabel",
    ];

    [Theory]
    [MemberData(nameof(Keys))]
    public void Metadata_EveryKey_IsInTheTable(string key) => Assert.Contains(Rows("## Metadata"), row => row.Contains($"`{key}`", StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Flags))]
    public void ComingFromRegistrator_EveryFlag_HasARow(string flag) =>
        Assert.Contains(Rows("## Coming from Registrator"), row => row.Split(" | ")[0].Contains($"`{flag}`", StringComparison.Ordinal));

    private static IEnumerable<string> Rows(string heading) => Readme.Lines
        .SkipWhile(line => line != heading)
        .Skip(1)
        .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
        .Where(line => line.StartsWith("| `", StringComparison.Ordinal));
}
