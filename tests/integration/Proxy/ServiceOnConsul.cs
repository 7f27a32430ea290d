using System.Globalization;
using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

/// <summary>A service that is put into Consul as the sidecar and the deployer would: instances with a check, and a document.</summary>
internal sealed class ServiceOnConsul(IConsulClient consul)
{
    private ServiceDocument? document;

    public string Name { get; } = ConsulFixture.Unique("svc");

    /// <summary>The routes of the service of this name, as they stand with each promotion.</summary>
    public Func<string, IReadOnlyList<Route>> RoutesOf { get; init; } = name => [new Route(Host: null, $"/{name}", StripPath: true)];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <param name="name">The instance's name.</param>
    /// <param name="port">Its port on this host.</param>
    /// <param name="passing">Whether its check passes.</param>
    /// <param name="deployment">The deployment that it belongs to; <c>null</c> for one of its own name.</param>
    /// <param name="address">Its address.</param>
    /// <param name="weight">Its weight; <c>null</c> for what Consul gives it.</param>
    public async Task AddInstanceAsync(
        string name, int port, bool passing = true, string? deployment = null, string address = "127.0.0.1", int? weight = null)
    {
        await consul.Agent.ServiceRegister(
            new AgentServiceRegistration
            {
                ID = Id(name),
                Name = Name,
                Address = address,
                Port = port,
                Weights = weight is { } share ? new AgentWeights { Passing = share, Warning = 1 } : null,
                Meta = new Dictionary<string, string>(StringComparer.Ordinal) { [InstanceMeta.Deployment] = deployment ?? name, [InstanceMeta.Version] = deployment ?? name },
                Check = new AgentServiceCheck { TTL = TimeSpan.FromMinutes(10), Status = passing ? HealthStatus.Passing : HealthStatus.Critical },
            },
            Ct);
    }

    public Task RemoveAsync(string name) => consul.Agent.ServiceDeregister(Id(name), Ct);

    public Task FailAsync(string name) => consul.Agent.FailTTL($"service:{Id(name)}", "made to fail", Ct);

    public async Task<ulong> PromoteAsync(string deployment)
    {
        document = (document ?? ServiceDocument.Create(Name, []))
            .Promote(new Release(deployment, deployment, "image@sha256:0", DateTimeOffset.UnixEpoch), RoutesOf(Name));
        await PutAsync(DocumentFormat.Write(document));
        var pair = await consul.KV.Get($"mesh/services/{Name}", Ct);
        return pair.Response!.ModifyIndex;
    }

    /// <summary>Changes the document as the deployer would; the index it has then.</summary>
    public async Task<ulong> ChangeAsync(Func<ServiceDocument, ServiceDocument> change)
    {
        document = change(document ?? throw new InvalidOperationException("promote something first"));
        await PutAsync(DocumentFormat.Write(document));
        return (await consul.KV.Get($"mesh/services/{Name}", Ct)).Response!.ModifyIndex;
    }

    public Task PutAsync(byte[] value) => consul.KV.Put(new KVPair($"mesh/services/{Name}") { Value = value }, Ct);

    private string Id(string name) => string.Create(CultureInfo.InvariantCulture, $"{Name}-{name}");
}
