using Consul;
using Xunit;

namespace ServiceMesh.Tests.Unit.ConsulApi;

public sealed class ConsulEnvironmentTests
{
    [Theory]
    [InlineData(null, "http://127.0.0.1:8500/")]
    [InlineData("", "http://127.0.0.1:8500/")]
    [InlineData("consul", "http://consul:8500/")]
    [InlineData("consul:8501", "http://consul:8501/")]
    [InlineData("192.0.2.1:80", "http://192.0.2.1/")]
    [InlineData("[::1]:8500", "http://[::1]:8500/")]
    [InlineData("[0:0:0:0:0:0:0:1]:8501", "http://[::1]:8501/")]
    [InlineData("http://consul:8500", "http://consul:8500/")]
    [InlineData("https://consul:8501/prefix", "https://consul:8501/prefix")]
    [InlineData(" https://Consul.Example ", "https://consul.example:8500/")]
    public void Address_OfTheVariable_IsAUrl(string? variable, string expected) =>
        Assert.Equal(expected, Config(("CONSUL_HTTP_ADDR", variable)).Address.AbsoluteUri);

    [Theory]
    [InlineData("unix:///run/consul.sock")]
    [InlineData("ftp://consul")]
    [InlineData("http://")]
    [InlineData("a b")]
    public void Address_ThatIsNone_IsNamed(string variable)
    {
        var failure = Assert.Throws<ConsulConfigurationException>(() => Config(("CONSUL_HTTP_ADDR", variable)));

        Assert.Equal(
            $"CONSUL_HTTP_ADDR '{variable}' is neither host:port nor an http or https URL", failure.Message);
    }

    [Theory]
    [InlineData("true", "https://consul:8500/")]
    [InlineData("1", "https://consul:8500/")]
    [InlineData("false", "http://consul:8500/")]
    public void Ssl_Variable_ChoosesTheScheme(string variable, string expected) =>
        Assert.Equal(
            expected,
            Config(("CONSUL_HTTP_ADDR", "http://consul:8500"), ("CONSUL_HTTP_SSL", variable)).Address.AbsoluteUri);

    [Theory]
    [InlineData(null, true)]
    [InlineData("true", true)]
    [InlineData("0", false)]
    [InlineData("false", false)]
    public void SslVerify_Variable_MeansWhatItSays(string? variable, bool expected) =>
        Assert.Equal(expected, Config(("CONSUL_HTTP_SSL_VERIFY", variable)).VerifyServerCertificate);

    [Theory]
    [InlineData("CONSUL_HTTP_SSL")]
    [InlineData("CONSUL_HTTP_SSL_VERIFY")]
    public void Bool_ThatIsNone_IsNamed(string name)
    {
        var failure = Assert.Throws<ConsulConfigurationException>(() => Config((name, "maybe")));

        Assert.Equal($"{name} 'maybe' is neither true nor false", failure.Message);
    }

    [Fact]
    public void Token_FileAndVariable_TheFileWins()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "from-file\n");

        var config = Config(("CONSUL_HTTP_TOKEN", "from-variable"), ("CONSUL_HTTP_TOKEN_FILE", file));

        Assert.Equal("from-file", config.Token);
        Assert.Equal("from-variable", Config(("CONSUL_HTTP_TOKEN", "from-variable")).Token);
        File.Delete(file);
    }

    [Fact]
    public void TokenFile_Missing_IsNamed()
    {
        var failure = Assert.Throws<ConsulConfigurationException>(
            () => Config(("CONSUL_HTTP_TOKEN_FILE", "/no/such/token")));

        Assert.StartsWith(
            "CONSUL_HTTP_TOKEN_FILE '/no/such/token' cannot be read: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TokenFile_Empty_IsNamedWhateverTheVariableSays()
    {
        var file = Path.GetTempFileName();
        try
        {
            var failure = Assert.Throws<ConsulConfigurationException>(
                () => Config(("CONSUL_HTTP_TOKEN", "from-variable"), ("CONSUL_HTTP_TOKEN_FILE", file)));

            Assert.Equal($"CONSUL_HTTP_TOKEN_FILE '{file}' is empty", failure.Message);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Tls_Variables_AreTheFiles()
    {
        var config = Config(("CONSUL_CACERT", "ca"), ("CONSUL_CLIENT_CERT", "cert"), ("CONSUL_CLIENT_KEY", "key"));

        Assert.Equal(
            ("ca", "cert", "key"),
            (config.CACertificateFile, config.ClientCertificateFile, config.ClientKeyFile));
    }

    [Fact]
    public void Client_TokenThatNoHeaderCanCarry_IsRefusedWithoutTellingIt()
    {
        var failure = Assert.Throws<ConsulConfigurationException>(
            () => new Consul.ConsulClient(config => config.Token = "secret\r\nX-Evil: 1"));

        Assert.DoesNotContain("secret", failure.Message, StringComparison.Ordinal);
    }

    private static ConsulClientConfiguration Config(params (string Name, string? Value)[] variables) =>
        new(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}
