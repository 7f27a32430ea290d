using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Tests.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class CertificateFolderTests : IDisposable
{
    private readonly PemFiles files = new();
    private readonly CertificateFolder folder;

    public CertificateFolderTests() => folder = new CertificateFolder(files.Folder);

    public void Dispose() => files.Dispose();

    [Fact]
    public void Refresh_WithNothingNew_ChangesNothingAndTellsNothing()
    {
        files.Write("a", ["a.test"]);

        Assert.True(folder.Refresh() is { Changed: true, Faults: [] });
        Assert.True(folder.Refresh() is { Changed: false, Faults: [] });
    }

    [Fact]
    public void Refresh_AfterANewPairOverTheOld_HasTheNewOne()
    {
        files.Write("a", ["a.test"]);
        folder.Refresh();

        var renewed = files.Write("a", ["a.test"]);

        Assert.True(folder.Refresh() is { Changed: true, Faults: [] });
        Assert.Equal(renewed, folder.Certificates["a"].Leaf.Thumbprint);
    }

    [Fact]
    public void Refresh_WithAKeyThatIsAnothers_TellsItOnceAndKeepsTheEarlierPair()
    {
        var good = files.Write("a", ["a.test"]);
        folder.Refresh();

        File.WriteAllText(files.Path("a", "crt"), PemFiles.Create(["a.test"]).Crt);

        var (changed, faults) = folder.Refresh();
        Assert.False(changed);
        Assert.StartsWith($"{files.Path("a", "crt")} with a.key is not used: ", Assert.Single(faults), StringComparison.Ordinal);
        Assert.Equal(good, folder.Certificates["a"].Leaf.Thumbprint);
        Assert.Empty(folder.Refresh().Faults);
    }

    [Theory]
    [InlineData("crt", "no certificate")]
    [InlineData("key", "no key")]
    public void Refresh_WithOneBrokenPairOfTwo_UsesTheOther(string ending, string content)
    {
        files.Write("broken", ["a.test"]);
        files.Write("good", ["b.test"]);
        File.WriteAllText(files.Path("broken", ending), content);

        var (changed, faults) = folder.Refresh();

        Assert.True(changed);
        Assert.StartsWith(files.Path("broken", "crt"), Assert.Single(faults), StringComparison.Ordinal);
        Assert.Equal(["good"], folder.Certificates.Keys);
    }

    [Fact]
    public void Refresh_WithAnAlgorithmThatOpenSslLacks_TellsItAndUsesTheOther()
    {
        files.Write("good", ["b.test"]);
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=a", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        // It says ML-DSA-44 where it said RSA. Where that is known, it is a key that cannot be read.
        var hex = Convert.ToHexString(certificate.RawData).Replace("2A864886F70D010101", "608648016503040311", StringComparison.Ordinal);
        File.WriteAllText(files.Path("new", "crt"), PemEncoding.WriteString("CERTIFICATE", Convert.FromHexString(hex)));
        File.WriteAllText(files.Path("new", "key"), key.ExportPkcs8PrivateKeyPem());

        var (changed, faults) = folder.Refresh();

        Assert.True(changed);
        Assert.StartsWith($"{files.Path("new", "crt")} with new.key is not used: ", Assert.Single(faults), StringComparison.Ordinal);
        Assert.Equal(["good"], folder.Certificates.Keys);
    }

    [Fact]
    public void Refresh_WithoutTheKeysFile_NamesIt()
    {
        files.Write("a", ["a.test"]);
        File.Delete(files.Path("a", "key"));

        Assert.Contains(folder.Refresh().Faults, fault => fault.Contains("Could not find file", StringComparison.Ordinal) && fault.Contains("a.key", StringComparison.Ordinal));
    }

    [Fact]
    public void Refresh_AfterOneOfTwoPairsWasTakenAway_DropsIt()
    {
        files.Write("a", ["a.test"]);
        files.Write("b", ["b.test"]);
        folder.Refresh();

        File.Delete(files.Path("b", "crt"));

        Assert.True(folder.Refresh() is { Changed: true, Faults: [] });
        Assert.Equal(["a"], folder.Certificates.Keys);
    }

    [Fact]
    public void Refresh_OfAnEmptiedFolder_KeepsWhatThereWasAndSaysSo()
    {
        var good = files.Write("a", ["a.test"]);
        folder.Refresh();

        File.Delete(files.Path("a", "crt"));

        Assert.Contains("no usable certificate is in", Assert.Single(folder.Refresh().Faults), StringComparison.Ordinal);
        Assert.Equal(good, folder.Certificates["a"].Leaf.Thumbprint);
    }

    [Fact]
    public void Refresh_OfAFolderThatIsNotThere_NamesIt()
    {
        var absent = new CertificateFolder(Path.Combine(files.Folder, "absent"));

        Assert.All(absent.Refresh().Faults, fault => Assert.Contains("absent", fault, StringComparison.Ordinal));
        Assert.Empty(absent.Certificates);
    }
}
