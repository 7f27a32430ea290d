using Docker.DotNet.Models;
using ServiceMesh.Deployer;
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
        var refused = Assert.Throws<DeliveryException>(() => Read(new("A", "UNSET", null), new("B", null, "none"), new("DB_PASSWORD", "DB_PASSWORD", null)));

        Assert.Equal(ExitCode.WrongInput, refused.Code);
        Assert.Equal("secrets cannot be used: A: the environment variable UNSET is not set; B: no such file", refused.Message);
    }

    [Theory]
    [InlineData("SHORT")]
    [InlineData("EMPTY")]
    public void Read_WhatIsTooShortToBeMasked_IsRefused(string variable)
    {
        var refused = Assert.Throws<DeliveryException>(() => Read(new SecretSource("PIN", variable, null)));

        Assert.Equal(ExitCode.WrongInput, refused.Code);
        Assert.Equal(
            "secrets cannot be used: PIN: its value has fewer than 4 characters, which nobody could mask where a container prints them. Give it a longer one, or put it into environment",
            refused.Message);
    }

    private static SecretValues Read(params SecretSource[] sources) => SecretValues.Read(
        sources, Environment.GetValueOrDefault, file => file == "key.pem" ? "-----BEGIN\nhunter22longer\n-----END\n" : throw new IOException("no such file"));
}
