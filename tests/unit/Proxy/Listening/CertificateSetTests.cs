using ServiceMesh.Proxy.Listening;
using ServiceMesh.Tests.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class CertificateSetTests
{
    [Theory]
    [InlineData("www.example.org", "exact")]
    [InlineData("WWW.Example.ORG", "exact")]
    [InlineData("other.example.org", "wildcard")]
    [InlineData("example.org", "default")]
    [InlineData("a.b.example.org", "default")]
    [InlineData("elsewhere", "default")]
    [InlineData(".example.org", "default")]
    [InlineData("", "default")]
    [InlineData(null, "default")]
    public void Choose_AName_TakesTheExactThenTheWildcardThenTheDefault(string? serverName, string expected)
    {
        var certificates = Certificates(
            ("a-first-by-name", ["first.test"], 0, 10),
            ("default", ["fallback.test"], 0, 10),
            ("exact", ["www.example.org"], 0, 10),
            ("wildcard", ["*.example.org"], 0, 10));

        Assert.Same(certificates[expected], Set(certificates).Choose(serverName));
    }

    [Fact]
    public void Choose_WithoutADefault_TakesTheFirstFileByName()
    {
        var certificates = Certificates(("b", ["b.test"], 0, 10), ("a", ["a.test"], 0, 10));

        Assert.Same(certificates["a"], Set(certificates).Choose("unknown.test"));
    }

    [Fact]
    public void Choose_OfSeveralForOneName_TakesTheOneThatIsValidLongestAndAlready()
    {
        var certificates = Certificates(("old", ["a.test"], 0, 5), ("new", ["a.test"], 0, 9), ("not-yet", ["a.test"], 3, 90));

        Assert.Same(certificates["new"], Set(certificates).Choose("a.test"));
    }

    private static CertificateSet Set(Dictionary<string, Certificate> certificates) => new(certificates, TimeProvider.System.GetUtcNow());

    private static Dictionary<string, Certificate> Certificates(params (string Name, string[] DnsNames, int StartsAfterDays, int Days)[] wanted) =>
        wanted.ToDictionary(
            one => one.Name,
            one =>
            {
                var (crt, key, _) = PemFiles.Create(one.DnsNames, one.StartsAfterDays, one.Days);
                return Certificate.Parse(crt, key);
            },
            StringComparer.Ordinal);
}
