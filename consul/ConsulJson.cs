using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Consul;

/// <summary>
/// Every type that crosses the wire. Go takes an absent field for its zero value, so none is written.
/// </summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(KVPair[]))]
[JsonSerializable(typeof(TxnOperation[]))]
[JsonSerializable(typeof(TxnAnswer))]
[JsonSerializable(typeof(AgentServiceRegistration))]
[JsonSerializable(typeof(AgentCheckRegistration))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(CheckUpdate))]
[JsonSerializable(typeof(Dictionary<string, AgentService>))]
[JsonSerializable(typeof(Dictionary<string, AgentCheck>))]
[JsonSerializable(typeof(Dictionary<string, Dictionary<string, JsonElement>>))]
[JsonSerializable(typeof(ServiceEntry[]))]
[JsonSerializable(typeof(HealthCheck[]))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
[JsonSerializable(typeof(CatalogService[]))]
[JsonSerializable(typeof(Node[]))]
[JsonSerializable(typeof(CatalogNode))]
[JsonSerializable(typeof(SessionRequest))]
[JsonSerializable(typeof(SessionCreated))]
[JsonSerializable(typeof(SessionEntry[]))]
internal sealed partial class ConsulJson : JsonSerializerContext;
