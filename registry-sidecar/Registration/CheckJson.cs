using System.Text.Json.Serialization;
using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>What checks are hashed as.</summary>
[JsonSerializable(typeof(AgentServiceCheck[]))]
internal sealed partial class CheckJson : JsonSerializerContext;
