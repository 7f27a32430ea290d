using System.Net.Http.Json;
using System.Text.Json;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>A token that may not do everything: the log names the right that is missing, and nothing ends.</summary>
public sealed class AclFaultTests(SidecarConsul parts, AclConsulFixture acl) : IClassFixture<AclConsulFixture>
{
    private const string ReadRights = """node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" } key_prefix "mesh/services/" { policy = "read" }""";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Token_WithoutServiceWrite_IsToldInOneLineAndWorksOnceItMay()
    {
        using var client = ConsulFixture.ClientOf(acl.Address, acl.ManagementToken);
        var (policy, token) = await TokenAsync(ReadRights);
        await using var consul = await ScriptedConsul.StartAsync(acl.Address, token);
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address });
        var lines = LogLines.Of(sidecar);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);

        var line = await lines.UntilAsync(mesh.Node, "403", "service:write");
        Assert.DoesNotContain('\n', line.Trim());
        Assert.DoesNotContain(token, line, StringComparison.Ordinal);

        await SetRulesAsync(policy, ReadRights + """ service_prefix "" { policy = "write" }""");
        await ConsulFixture.Until(
            (q, ct) => client.Health.Service(service, "", passingOnly: false, q, ct), entries => entries.Length == 1);
    }

    [Fact]
    public async Task Token_WithoutAgentRead_IsToldInOneLine()
    {
        var (_, token) = await TokenAsync("""key_prefix "mesh/services/" { policy = "read" }""");
        await using var consul = await ScriptedConsul.StartAsync(acl.Address, token);
        await using var mesh = new SidecarMesh(parts);
        // It says so once, so nothing may be answered before somebody listens.
        await consul.BeginAsync(Fault.Hang);

        var lines = new LogLines();
        await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address }, lines);
        await consul.EndAsync();

        var line = await lines.UntilAsync("the Consul agent", "403", "agent:read");
        Assert.DoesNotContain('\n', line.Trim());
    }

    [Fact]
    public async Task Token_WithoutKeyRead_RegistersNothingSaysSoAndWorksOnceItMay()
    {
        const string others = """node_prefix "" { policy = "read" } agent_prefix "" { policy = "read" } service_prefix "" { policy = "write" }""";
        using var client = ConsulFixture.ClientOf(acl.Address, acl.ManagementToken);
        var (policy, token) = await TokenAsync(others);
        await using var consul = await ScriptedConsul.StartAsync(acl.Address, token);
        await using var mesh = new SidecarMesh(parts);
        await consul.BeginAsync(Fault.Hang);
        var lines = new LogLines();
        await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address }, lines);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await consul.EndAsync();

        await lines.UntilAsync("mesh/services/", "403");
        Assert.Empty((await client.Health.Service(service, Ct)).Response);

        await SetRulesAsync(policy, others + """ key_prefix "mesh/services/" { policy = "read" }""");
        await ConsulFixture.Until(
            (q, ct) => client.Health.Service(service, "", passingOnly: false, q, ct), entries => entries.Length == 1);
    }

    [Fact]
    public async Task Token_WithoutNodeRead_RegistersAllTheSame()
    {
        using var client = ConsulFixture.ClientOf(acl.Address, acl.ManagementToken);
        var (_, token) = await TokenAsync("""agent_prefix "" { policy = "read" } service_prefix "" { policy = "write" } key_prefix "mesh/services/" { policy = "read" }""");
        await using var consul = await ScriptedConsul.StartAsync(acl.Address, token);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { ConsulAddress = consul.Address });
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);

        await ConsulFixture.Until((q, ct) => client.Health.Service(service, "", passingOnly: false, q, ct), entries => entries.Length == 1);
        await mesh.KillAsync(container);
        await ConsulFixture.Until((q, ct) => client.Health.Service(service, "", passingOnly: false, q, ct), entries => entries.Length == 0);
    }

    private async Task<(string Policy, string Token)> TokenAsync(string rules)
    {
        var policy = await PutAsync("v1/acl/policy", new { Name = ConsulFixture.Unique("sidecar"), Rules = rules });
        var token = await PutAsync("v1/acl/token", new { Policies = new[] { new { ID = policy.GetProperty("ID").GetString() } } });
        return (policy.GetProperty("ID").GetString()!, token.GetProperty("SecretID").GetString()!);
    }

    private Task SetRulesAsync(string policy, string rules) =>
        PutAsync($"v1/acl/policy/{policy}", new { ID = policy, Name = ConsulFixture.Unique("sidecar"), Rules = rules });

    private async Task<JsonElement> PutAsync(string path, object body)
    {
        using var http = new HttpClient { BaseAddress = acl.Address };
        http.DefaultRequestHeaders.Add("X-Consul-Token", acl.ManagementToken);
        using var response = await http.PutAsJsonAsync(new Uri(path, UriKind.Relative), body, Ct);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Ct));
        return await response.Content.ReadFromJsonAsync<JsonElement>(Ct);
    }
}
