using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Consul;

internal sealed class Agent(ConsulTransport transport) : IAgentEndpoint
{
    private string? nodeName;

    public async Task<QueryResult<Dictionary<string, Dictionary<string, JsonElement>>>> Self(
        CancellationToken ct = default)
    {
        var self = await transport.Query(
            ConsulCall.Get("/v1/agent/self"),
            options: null,
            ConsulJson.Default.DictionaryStringDictionaryStringJsonElement,
            [],
            ct);
        foreach (var section in self.Response.Where(section => section.Value is null).ToArray())
            self.Response[section.Key] = [];

        return self;
    }

    public async Task<string> GetNodeName(CancellationToken ct = default)
    {
        if (nodeName is { } known)
            return known;
        var self = await Self(ct);
        return nodeName = self.Response.TryGetValue("Config", out var config)
            && config.TryGetValue("NodeName", out var name) && name.ValueKind is JsonValueKind.String
                ? name.GetString()!
                : throw new ConsulRequestException(
                    "GET /v1/agent/self: the answer holds no Config.NodeName", ConsulFault.Unreadable, inner: null);
    }

    public Task<QueryResult<Dictionary<string, AgentService>>> Services(CancellationToken ct = default) =>
        Services(q: null, ct);

    public Task<QueryResult<Dictionary<string, AgentService>>> Services(
        QueryOptions? q, CancellationToken ct = default) =>
        transport.Query(
            ConsulCall.Get("/v1/agent/services"), q, ConsulJson.Default.DictionaryStringAgentService, [], ct);

    public Task<QueryResult<Dictionary<string, AgentCheck>>> Checks(CancellationToken ct = default) =>
        Checks(q: null, ct);

    public Task<QueryResult<Dictionary<string, AgentCheck>>> Checks(QueryOptions? q, CancellationToken ct = default) =>
        transport.Query(ConsulCall.Get("/v1/agent/checks"), q, ConsulJson.Default.DictionaryStringAgentCheck, [], ct);

    public Task<WriteResult> ServiceRegister(AgentServiceRegistration service, CancellationToken ct = default) =>
        ServiceRegister(service, replaceExistingChecks: false, ct);

    public Task<WriteResult> ServiceRegister(
        AgentServiceRegistration service, bool replaceExistingChecks, CancellationToken ct = default) =>
        Write(
            ConsulCall.Put("/v1/agent/service/register")
                .Json(service, ConsulJson.Default.AgentServiceRegistration)
                .With("replace-existing-checks", replaceExistingChecks ? "true" : null),
            ct);

    public Task<WriteResult> ServiceDeregister(string serviceID, CancellationToken ct = default) =>
        WriteToExisting($"/v1/agent/service/deregister/{ConsulPath.Segment(serviceID)}", ct);

    public Task<WriteResult> EnableServiceMaintenance(
        string serviceID, string? reason, CancellationToken ct = default) =>
        Write(Maintenance(serviceID).With("enable", "true").With("reason", reason), ct);

    public Task<WriteResult> DisableServiceMaintenance(string serviceID, CancellationToken ct = default) =>
        Write(Maintenance(serviceID).With("enable", "false"), ct);

    public Task<WriteResult> CheckRegister(AgentCheckRegistration check, CancellationToken ct = default) =>
        Write(ConsulCall.Put("/v1/agent/check/register").Json(Named(check), ConsulJson.Default.JsonObject), ct);

    public Task<WriteResult> CheckDeregister(string checkID, CancellationToken ct = default) =>
        WriteToExisting($"/v1/agent/check/deregister/{ConsulPath.Segment(checkID)}", ct);

    public Task PassTTL(string checkID, string? note, CancellationToken ct = default) =>
        UpdateTTL(checkID, note, TTLStatus.Pass, ct);

    public Task WarnTTL(string checkID, string? note, CancellationToken ct = default) =>
        UpdateTTL(checkID, note, TTLStatus.Warn, ct);

    public Task FailTTL(string checkID, string? note, CancellationToken ct = default) =>
        UpdateTTL(checkID, note, TTLStatus.Critical, ct);

    public Task<WriteResult> UpdateTTL(
        string checkID, string? output, TTLStatus status, CancellationToken ct = default) =>
        Write(
            ConsulCall.Put($"/v1/agent/check/update/{ConsulPath.Segment(checkID)}")
                .Json(new CheckUpdate(status.Status, output), ConsulJson.Default.CheckUpdate),
            ct);

    // The same field is CheckID within a service's registration and ID here; the agent refuses the other one.
    private static JsonObject Named(AgentCheckRegistration check)
    {
        var json = JsonSerializer.SerializeToNode(check, ConsulJson.Default.AgentCheckRegistration)!.AsObject();
        if (json.Remove(nameof(AgentCheckRegistration.CheckID), out var id))
            json["ID"] = id;
        return json;
    }

    private static ConsulCall Maintenance(string serviceID) =>
        ConsulCall.Put($"/v1/agent/service/maintenance/{ConsulPath.Segment(serviceID)}")
            .Accept(HttpStatusCode.NotFound);

    private Task<WriteResult> WriteToExisting(string path, CancellationToken ct) =>
        Write(ConsulCall.Put(path).Accept(HttpStatusCode.NotFound), ct);

    private Task<WriteResult> Write(ConsulCall call, CancellationToken ct) => transport.Write(call, options: null, ct);
}
