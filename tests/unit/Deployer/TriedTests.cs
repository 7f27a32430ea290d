using System.Net;
using System.Text.Json;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>What a delivery that failed under the lock says that it had tried, with <c>--json</c>.</summary>
public sealed class TriedTests
{
    private static readonly Release V1 = new("d1", "v1", "demo@sha256:1", DateTimeOffset.UnixEpoch);
    private static readonly Release V2 = V1 with { Deployment = "d2", Version = "v2" };
    private static readonly ServiceDocument Document = ServiceDocument.Create("demo", [new Route(null, "/demo", StripPath: true)]).Promote(V1);

    // A split is about the release that has the share, not about the one that was active anyway; one that never came to a release is about none.
    [Theory]
    [InlineData("pause demo", "v1", (int)ExitCode.Locked, "Consul refused the change")]
    [InlineData("split demo --share 50", "v2", (int)ExitCode.Locked, "Consul refused the change")]
    [InlineData("split demo d3 --share 50", null, (int)ExitCode.WrongInput, "nothing of demo begins with 'd3'")]
    public async Task Change_Fails_NamesTheReleaseThatItIsAbout(string line, string? version, int code, string error) =>
        Assert.Equal(("demo", version), await TriedAsync(line, DocumentFormat.Write(Document with { Split = new Split(V2, 10) }), code, error));

    [Theory]
    [InlineData("pause demo")]
    [InlineData("split demo --share 50")]
    public async Task Begin_TheDocumentCannotBeRead_NamesTheService(string line) =>
        Assert.Equal(("demo", null), await TriedAsync(line, "no document"u8.ToArray(), (int)ExitCode.WrongInput, "what Consul KV holds for demo is no document"));

    private static async Task<(string? Service, string? Version)> TriedAsync(string line, byte[] document, int expected, string error)
    {
        using var consul = new LocalServer(path => path switch
        {
            "/v1/session/create" => """{"ID":"s1"}""",
            "/v1/kv/mesh/services/demo" => $$"""[{"Key":"mesh/services/demo","ModifyIndex":7,"Value":"{{Convert.ToBase64String(document)}}"}]""",
            "/v1/txn" => """{"Errors":[{"OpIndex":0,"What":"changed"}]}""",
            _ when path.StartsWith("/v1/kv/mesh/history", StringComparison.Ordinal) || path.StartsWith("/v1/health/", StringComparison.Ordinal) => "[]",
            _ => "true",
        })
        {
            Status = path => path == "/v1/txn" ? HttpStatusCode.Conflict : HttpStatusCode.OK,
        };
        var (output, told) = (new StringWriter(), new StringWriter());

        var code = await CommandLine.InvokeAsync([.. line.Split(' '), "--consul", consul.Address("http").ToString(), "--json"], output, told, TestContext.Current.CancellationToken);

        Assert.True(code == expected, $"{output}{told}");
        using var json = JsonDocument.Parse(output.ToString());
        Assert.StartsWith(error, json.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        var release = json.RootElement.GetProperty("release");
        return (json.RootElement.GetProperty("service").GetString(), release.ValueKind == JsonValueKind.Null ? null : release.GetProperty("version").GetString());
    }
}
