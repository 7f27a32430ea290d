using System.Security.Cryptography;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class CandidatePassTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        key.Dispose();
        other.Dispose();
    }

    [Fact]
    public void Check_AValidPass_IsItsDeployment() => Assert.Equal("abc", Check(Pass()));

    [Fact]
    public void Check_AfterItsEnd_IsNone() => Assert.Null(CandidatePass.Check(Pass(), "demo", Keys(key), Now.AddMinutes(2)));

    [Fact]
    public void Check_AnotherService_IsNone() => Assert.Null(CandidatePass.Check(Pass(), "shop", Keys(key), Now));

    [Fact]
    public void Check_AnotherDeployment_IsNone() => Assert.Null(Check("xyz" + Pass()[3..]));

    [Fact]
    public void Check_AnotherKey_IsNone() => Assert.Null(CandidatePass.Check(Pass(), "demo", Keys(other), Now));

    [Fact]
    public void Check_AnotherKeyThatGivesItselfOutForIt_IsNone()
    {
        var pass = CandidatePass.Sign(other, "demo", "abc", Now.AddMinutes(1)).Replace(CandidatePass.KeyId(other), CandidatePass.KeyId(key), StringComparison.Ordinal);

        Assert.Null(CandidatePass.Check(pass, "demo", Keys(other, key), Now));
    }

    [Fact]
    public void Check_OneOfSeveralKeys_IsEnough() => Assert.Equal("abc", CandidatePass.Check(Pass(), "demo", Keys(other, key), Now));

    [Fact]
    public void Check_AnEndTooFarAway_IsNone() =>
        Assert.Null(Check(CandidatePass.Sign(key, "demo", "abc", Now + CandidatePass.Longest + TimeSpan.FromSeconds(1))));

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("abc.1.KEY.")]
    [InlineData("abc.1767225660.AAAA")]
    [InlineData("abc.1767225660..AAAA")]
    [InlineData("abc.99999999999999999999.KEY.AAAA")]
    [InlineData("abc.1767225660.KEY.not base64!")]
    public void Check_NoPass_IsNone(string text) => Assert.Null(Check(text.Replace("KEY", CandidatePass.KeyId(key), StringComparison.Ordinal)));

    private string Pass() => CandidatePass.Sign(key, "demo", "abc", Now.AddMinutes(1));

    private string? Check(string text) => CandidatePass.Check(text, "demo", Keys(key), Now);

    private static Dictionary<string, ECDsa> Keys(params IEnumerable<ECDsa> keys) => keys.ToDictionary(CandidatePass.KeyId, StringComparer.Ordinal);
}
