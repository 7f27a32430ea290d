using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class SecretValuesTests
{
    private static readonly Dictionary<string, string> Environment = new() { ["DB_PASSWORD"] = "hunter22", ["SHORT"] = "abc", ["EMPTY"] = "" };

    [Fact]
    public void Read_VariablesAndFiles_AreTheContainersVariables()
    {
        var secrets = Read(new("DB_PASSWORD", "DB_PASSWORD", null), new("KEY", null, "key.pem"), new("NOTHING", "EMPTY", null));

        Assert.Equal(
            new Dictionary<string, string> { ["DB_PASSWORD"] = "hunter22", ["KEY"] = "-----BEGIN\nhunter22longer\n-----END", ["NOTHING"] = "" },
            secrets.Variables);
    }

    [Theory]
    [InlineData("password is hunter22, again hunter22.", "password is ***, again ***.")]
    [InlineData("key line hunter22longer", "key line ***")]
    [InlineData("abc is not masked", "abc is not masked")]
    public void Mask_ALineWithASecret_HasStarsInItsPlace(string line, string told) => Assert.Equal(
        told, Read(new("DB_PASSWORD", "DB_PASSWORD", null), new("KEY", null, "key.pem"), new("S", "SHORT", null), new("N", "EMPTY", null)).Mask(line));

    [Fact]
    public void Read_WhatIsMissing_IsNamedAtOnce()
    {
        var refused = Assert.Throws<DeliveryException>(() => Read(new("A", "UNSET", null), new("B", null, "none"), new("DB_PASSWORD", "DB_PASSWORD", null)));

        Assert.Equal(ExitCode.WrongInput, refused.Code);
        Assert.Equal("secrets are missing: A: the environment variable UNSET is not set; B: no such file", refused.Message);
    }

    private static SecretValues Read(params SecretSource[] sources) => SecretValues.Read(
        sources, Environment.GetValueOrDefault, file => file == "key.pem" ? "-----BEGIN\nhunter22longer\n-----END\n" : throw new IOException("no such file"));
}
