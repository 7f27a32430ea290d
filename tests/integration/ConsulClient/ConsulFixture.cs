using Consul;
using ServiceMesh.Tests.Integration;
using Testcontainers.Consul;
using Xunit;

[assembly: AssemblyFixture(typeof(ConsulFixture))]

namespace ServiceMesh.Tests.Integration;

/// <summary>
/// One real Consul for every test that only needs some Consul. Tests keep apart by the names they use.
/// </summary>
public sealed class ConsulFixture : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly AsyncDisposables started = new();
    private readonly ConsulContainer container = TestConsul.Builder().Build();

    public ConsulClient Client { get; private set; } = null!;

    public Uri Address => new(container.GetBaseAddress());

    /// <summary>A name that no other test uses.</summary>
    public static string Unique(string prefix) => $"{prefix}-{Guid.NewGuid():N}";

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(container);
        await container.StartAsync(TestContext.Current.CancellationToken);
        Client = ClientOf(Address);
        started.Add(Client.Dispose);
        await WaitUntilReady(Client);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    /// <summary>A client that takes nothing from the environment of the test run.</summary>
    public static ConsulClient ClientOf(Uri address, string? token = null) => new(config =>
    {
        config.Address = address;
        config.Token = token;
    });

    /// <summary>Repeats a blocking query until its answer is as wanted.</summary>
    public static async Task<T> Until<T>(
        Func<QueryOptions, CancellationToken, Task<QueryResult<T>>> query, Func<T, bool> wanted)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        var options = new QueryOptions { WaitTime = TimeSpan.FromSeconds(10) };
        while (true)
        {
            var answer = await query(options, deadline.Token);
            if (wanted(answer.Response))
                return answer.Response;
            options.WaitIndex = answer.LastIndex;
        }
    }

    // A leader is there before its own node is: until serfHealth is registered no session can be made.
    private static async Task WaitUntilReady(ConsulClient client)
    {
        var node = await client.Agent.GetNodeName(TestContext.Current.CancellationToken);
        await Until(
            (options, ct) => client.Health.Node(node, options, ct),
            checks => checks.Any(check => check.CheckID is "serfHealth" && check.Status == HealthStatus.Passing));
    }
}
