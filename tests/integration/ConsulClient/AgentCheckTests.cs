using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class AgentCheckTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IAgentEndpoint Agent => consul.Client.Agent;

    [Fact]
    public async Task UpdateTTL_EachState_IsTheChecksState()
    {
        var id = await RegisterTtl();

        await Agent.PassTTL($"service:{id}", "well", Ct);
        Assert.Equal((HealthStatus.Passing, "well"), await StateOf($"service:{id}"));
        await Agent.WarnTTL($"service:{id}", "so so", Ct);
        Assert.Equal((HealthStatus.Warning, "so so"), await StateOf($"service:{id}"));
        await Agent.FailTTL($"service:{id}", "ill", Ct);
        Assert.Equal((HealthStatus.Critical, "ill"), await StateOf($"service:{id}"));
        await Agent.UpdateTTL($"service:{id}", "again", TTLStatus.Pass, Ct);
        Assert.Equal((HealthStatus.Passing, "again"), await StateOf($"service:{id}"));
        await Agent.ServiceDeregister(id, Ct);
    }

    [Fact]
    public async Task PassTTL_UnknownCheck_FailsAndNamesIt()
    {
        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => Agent.PassTTL("no-such", null, Ct));

        Assert.Contains("/v1/agent/check/update/no-such", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ServiceRegister_AgainWithOtherTags_KeepsTheChecksState(bool replaceExistingChecks)
    {
        var id = await RegisterTtl("candidate");
        await Agent.PassTTL($"service:{id}", "well", Ct);

        await Agent.ServiceRegister(Registration(id, "active"), replaceExistingChecks, Ct);

        Assert.Equal((HealthStatus.Passing, "well"), await StateOf($"service:{id}"));
        Assert.Equal(["active"], (await Agent.Services(Ct)).Response[id].Tags);
        await Agent.ServiceDeregister(id, Ct);
    }

    [Fact]
    public async Task ServiceRegister_CheckLeftOut_IsRemovedOnlyWhenReplaced()
    {
        var id = await RegisterTtl();
        var bare = new AgentServiceRegistration { ID = id, Name = id };

        await Agent.ServiceRegister(bare, replaceExistingChecks: false, Ct);
        Assert.Contains($"service:{id}", (await Agent.Checks(Ct)).Response.Keys);
        await Agent.ServiceRegister(bare, replaceExistingChecks: true, Ct);
        Assert.DoesNotContain($"service:{id}", (await Agent.Checks(Ct)).Response.Keys);
        await Agent.ServiceDeregister(id, Ct);
    }

    [Fact]
    public async Task ServiceRegister_EveryKindOfCheck_IsTaken()
    {
        var id = ConsulFixture.Unique("svc");
        AgentServiceCheck Check(string kind) => new()
        {
            CheckID = $"{id}:{kind}",
            Name = kind,
            Notes = "a note",
            Interval = TimeSpan.FromMinutes(90),
            Timeout = TimeSpan.FromMilliseconds(1500),
            DeregisterCriticalServiceAfter = TimeSpan.FromDays(3),
            SuccessBeforePassing = 2,
            FailuresBeforeCritical = 3,
            Status = HealthStatus.Warning,
        };
        var http = Check("http");
        (http.HTTP, http.Method, http.Body, http.TLSSkipVerify) = ("https://192.0.2.1/health?a=b", "POST", "x", true);
        http.Header = new(StringComparer.Ordinal) { ["Host"] = ["demo"], ["X-Two"] = ["1", "2"] };
        var tcp = Check("tcp");
        tcp.TCP = "192.0.2.1:80";
        var grpc = Check("grpc");
        (grpc.GRPC, grpc.GRPCUseTLS) = ("192.0.2.1:80/demo", true);

        await Agent.ServiceRegister(
            new AgentServiceRegistration { ID = id, Name = id, Checks = [http, tcp, grpc] }, Ct);

        var checks = await Agent.Checks(new QueryOptions { Filter = $"ServiceID == \"{id}\"" }, Ct);
        Assert.Equal([$"{id}:grpc", $"{id}:http", $"{id}:tcp"], checks.Response.Keys.Order(StringComparer.Ordinal));
        Assert.All(checks.Response.Values, check => Assert.Equal((id, "a note"), (check.ServiceName, check.Notes)));
        Assert.Equal(["grpc", "http", "tcp"], checks.Response.Values.Select(check => check.Type).Order());
        await Agent.ServiceDeregister(id, Ct);
    }

    [Fact]
    public async Task CheckRegister_ForAService_IsItsCheckUntilDeregistered()
    {
        var service = ConsulFixture.Unique("svc");
        var check = $"{service}/own check";
        await Agent.ServiceRegister(new AgentServiceRegistration { Name = service }, Ct);

        await Agent.CheckRegister(
            new AgentCheckRegistration
            {
                CheckID = check,
                Name = "own",
                ServiceID = service,
                TTL = TimeSpan.FromHours(1),
                Status = HealthStatus.Passing,
            },
            Ct);
        Assert.Equal((service, "own"), await OwnerOf(check));
        Assert.Equal(HealthStatus.Passing, (await StateOf(check)).Status);

        await Agent.CheckDeregister(check, Ct);
        Assert.DoesNotContain(check, (await Agent.Checks(Ct)).Response.Keys);
        await Agent.ServiceDeregister(service, Ct);
    }

    private static AgentServiceRegistration Registration(string id, params string[] tags) => new()
    {
        ID = id,
        Name = id,
        Tags = tags,
        Check = new AgentServiceCheck { TTL = TimeSpan.FromMinutes(10) },
    };

    private async Task<string> RegisterTtl(params string[] tags)
    {
        var id = ConsulFixture.Unique("svc");
        await Agent.ServiceRegister(Registration(id, tags), Ct);
        return id;
    }

    private async Task<(HealthStatus Status, string Output)> StateOf(string checkId)
    {
        var check = (await Agent.Checks(Ct)).Response[checkId];
        return (check.Status, check.Output);
    }

    private async Task<(string Service, string Name)> OwnerOf(string checkId)
    {
        var check = (await Agent.Checks(Ct)).Response[checkId];
        return (check.ServiceID, check.Name);
    }
}
