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

    public async Task AddInstanceAsync(string deployment, int port, bool passing = true)
    {
        await consul.Agent.ServiceRegister(
            new AgentServiceRegistration
            {
                ID = Id(deployment),
                Name = Name,
                Address = "127.0.0.1",
                Port = port,
                Meta = new Dictionary<string, string>(StringComparer.Ordinal) { [InstanceMeta.Deployment] = deployment, [InstanceMeta.Version] = deployment },
                Check = new AgentServiceCheck { TTL = TimeSpan.FromMinutes(10), Status = passing ? HealthStatus.Passing : HealthStatus.Critical },
            },
            Ct);
    }

    public Task FailAsync(string deployment) => consul.Agent.FailTTL($"service:{Id(deployment)}", "made to fail", Ct);

    public async Task<ulong> PromoteAsync(string deployment)
    {
        document = (document ?? ServiceDocument.Create(Name, []))
            .Promote(new Release(deployment, deployment, "image@sha256:0", DateTimeOffset.UnixEpoch), RoutesOf(Name));
        await PutAsync(DocumentFormat.Write(document));
        var pair = await consul.KV.Get($"mesh/services/{Name}", Ct);
        return pair.Response!.ModifyIndex;
    }

    public Task PutAsync(byte[] value) => consul.KV.Put(new KVPair($"mesh/services/{Name}") { Value = value }, Ct);

    private string Id(string deployment) => string.Create(CultureInfo.InvariantCulture, $"{Name}-{deployment}");
}
