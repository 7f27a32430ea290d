using Docker.DotNet.Models;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class SecretValuesTests
{
    private static readonly Dictionary<string, string> Environment = new() { ["DB_PASSWORD"] = "hunter22", ["SHORT"] = "abc", ["LINES"] = "abc\r\nabcd \nx", ["EMPTY"] = "" };

    [Fact]
    public void Read_VariablesAndFiles_AreTheContainersVariables()
    {
        SecretSource[] sources = [new("DB_PASSWORD", "DB_PASSWORD", null), new("KEY", null, "key.pem")];
        var secrets = Read([.. sources, new("TOKEN", "DB_PASSWORD", null)]);

        Assert.Equal(
            new Dictionary<string, string> { ["DB_PASSWORD"] = "hunter22", ["KEY"] = "-----BEGIN\nhunter22longer\n-----END" },
            secrets.Of(sources));
        Assert.Equal("hunter22", Assert.Single(secrets.Of([new("TOKEN", "DB_PASSWORD", null)])).Value);
    }

    [Theory]
    [InlineData("password is hunter22, again hunter22.", "password is ***, again ***.")]
    [InlineData("key line hunter22longer", "key line ***")]
    [InlineData("abcd is a line of one, abc is too short", "*** is a line of one, abc is too short")]
    public void Mask_ALineWithASecret_HasStarsInItsPlace(string line, string told) => Assert.Equal(
        told, Read(new("DB_PASSWORD", "DB_PASSWORD", null), new("KEY", null, "key.pem"), new("L", "LINES", null)).Mask(line));

    [Theory]
    [InlineData("hunter2", "***")]
    [InlineData("x h", "x ***")]
    [InlineData("hunter22longe", "***")]
    [InlineData("hunter22", "***")]
    [InlineData("hunter22 ", "*** ")]
    [InlineData("-----BEGIN hunt", "*** ***")]
    [InlineData("x", "x")]
    [InlineData("", "")]
    public void Mask_ALineThatIsCut_HasNoBeginningOfASecretAtItsEnd(string line, string told) =>
        Assert.Equal(told, Read(new("DB_PASSWORD", "DB_PASSWORD", null), new("KEY", null, "key.pem")).Mask(line, cut: true));

    [Theory]
    [InlineData("""{"password":"p\u00E4\u0022ss/w\u002Brd \u0026"}""")]
    [InlineData("""{"password":"pä\"ss/w+rd &"}""")]
    [InlineData("GET /?password=p%C3%A4%22ss%2Fw%2Brd%20%26 ")]
    [InlineData("GET /?password=p%C3%A4%22ss%2Fw%2Brd+%26 ")]
    [InlineData("pä\"ss/w+rd &")]
    public void Mask_ASecretInJsonOrAUrl_HasStarsInItsPlace(string line)
    {
        var secrets = SecretValues.Read([new("P", "P", null)], _ => "pä\"ss/w+rd &", _ => "").Values;

        Assert.DoesNotContain("rd", secrets.Mask(line).Replace("password", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    // As Go, Gson, Python, PHP and a log driver around them write it; lower case, Latin-1, an address in another.
    [Theory]
    [InlineData("""{"p":"p\u00e4\u003d\u003c/w+rd \u0026"}""", """{"p":"***"}""")]
    [InlineData("""{"p":"pä=<\/w+rd &"}""", """{"p":"***"}""")]
    [InlineData("""{"log":"{\"p\":\"p\\u00e4=\\u003c\\/w+rd &\"}"}""", """{"log":"{\"p\":\"***\"}"}""")]
    [InlineData(@"p='p\xe4=<\/w+rd &'", "p='***'")]
    [InlineData("GET /?p=p%c3%a4%3d%3c%2fw%2brd+%26&q=%41", "GET /?p=***&q=%41")]
    [InlineData("GET /?p=p%E4%3D%3C/w+rd%20%26&q=100%", "GET /?p=***&q=100%")]
    [InlineData("GET /?u=%2F%3Fp%3Dp%25C3%25A4%253D%253C%252Fw%252Brd%2B%2526", "GET /?u=%2F%3Fp%3D***")]
    [InlineData(@"100 %, C:\temp\u, 1+1, %zz, \uzzzz", @"100 %, C:\temp\u, 1+1, %zz, \uzzzz")]
    public void Mask_ASecretWithAnotherLanguagesEscapes_HasStarsInItsPlace(string line, string told) =>
        Assert.Equal(told, SecretValues.Read([new("P", "P", null)], _ => "pä=</w+rd &", _ => "").Values.Mask(line));

    [Theory]
    [InlineData("""{"p":"p\u00""", """{"p":"***""")]
    [InlineData("""{"p":"p\u00e4=\u003c\""", """{"p":"***""")]
    [InlineData("?p=p%C3", "?p=***")]
    [InlineData("?p=p%C3%A", "?p=***")]
    [InlineData("?p=p%c3%a4%3", "?p=***")]
    public void Mask_ALineThatIsCutWithinAnEscape_HasNoBeginningOfASecretAtItsEnd(string line, string told) =>
        Assert.Equal(told, SecretValues.Read([new("P", "P", null)], _ => "pä=</w+rd &", _ => "").Values.Mask(line, cut: true));

    [Theory]
    [InlineData("""{"password":"p\u00A0ss\u200Bword"}""")]
    [InlineData("""{"password":"p ssword"}""")]
    [InlineData("GET /?password=p%C2%A0ss%E2%80%8Bword")]
    [InlineData("p\u00a0ss\u200bword")]
    public void Mask_ASecretThatCannotAllBeSeen_HasStarsInItsPlace(string printed)
    {
        var secrets = SecretValues.Read([new("P", "P", null)], _ => "p\u00a0ss\u200bword", _ => "").Values;

        Assert.DoesNotContain("word", secrets.Mask(ForeignText.Cleaned(printed)).Replace("password", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void And_TwoThatMaskBesideEachOther_LeaveNothingBetween()
    {
        var both = SecretValues.Read([new("A", "A", null)], _ => "abcdefgh", _ => "").Values.And(SecretValues.Read([new("B", "B", null)], _ => "efghijkl", _ => "").Values);

        Assert.Equal("x *** y ***", both.Mask("x abcdefghijkl y efghijkl"));
    }

    [Fact]
    public void In_AContainerThatNamesItsSecrets_MasksWhatItHasUnderTheNames()
    {
        var container = new ContainerInspectResponse
        {
            Config = new ContainerConfig
            {
                Env = ["DB_PASSWORD=hunter22", "DB_PASSWORD_HINT=nothing", "KEY=a=b=c", "PLAIN=plain"],
                Labels = new Dictionary<string, string> { [ContainerLabel.Secrets] = "DB_PASSWORD,KEY" },
            },
        };

        Assert.Equal("*** nothing *** plain", SecretValues.In(container).Mask("hunter22 nothing a=b=c plain"));
        container.Config.Labels.Clear();
        Assert.Equal("hunter22", SecretValues.In(container).Mask("hunter22"));
    }

    [Fact]
    public void Read_WhatIsMissing_IsNamedAtOnce()
    {
        var errors = Tried(new("A", "UNSET", null) { Line = 9 }, new("B", null, "none") { Line = 7 }, new("DB_PASSWORD", "DB_PASSWORD", null), new("A", "UNSET", null) { Line = 12 }).Errors;

        Assert.Equal(
            [
                new ManifestError(7, "secret B: no such file. Name a file in the manifest that can be read"),
                new ManifestError(9, "secret A: the environment variable UNSET is not set. Set it where the deployer runs, or name another in the manifest"),
            ],
            errors);
    }

    [Theory]
    [InlineData("SHORT")]
    [InlineData("EMPTY")]
    public void Read_WhatIsTooShortToBeMasked_IsRefused(string variable) => Assert.Equal(
        "secret PIN: its value has fewer than 4 characters, which nobody could mask where a container prints them. Give it a longer one, or put it into environment",
        Assert.Single(Tried(new SecretSource("PIN", variable, null)).Errors).Message);

    private static SecretValues Read(params SecretSource[] sources) => Tried(sources).Values;

    private static (SecretValues Values, IReadOnlyList<ManifestError> Errors) Tried(params SecretSource[] sources) => SecretValues.Read(
        sources, Environment.GetValueOrDefault, file => file == "key.pem" ? "-----BEGIN\nhunter22longer\n-----END\n" : throw new IOException("no such file"));
}
