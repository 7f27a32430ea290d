using System.Net.Http.Json;
using System.Text.Json;
using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

/// <summary>A Consul that refuses whoever shows no token.</summary>
public sealed class AclConsulFixture : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly AsyncDisposables started = new();

    private readonly ConsulContainer container = TestConsul.Builder()
        .WithCommand("-hcl", "acl { enabled = true default_policy = \"deny\" }")
        .Build();

    public Uri Address => new(container.GetBaseAddress());

    public string ManagementToken { get; private set; } = "";

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(container);
        await container.StartAsync(TestContext.Current.CancellationToken);
        ManagementToken = await Bootstrap();
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    // Just after the leader's election the ACL system is not ready and says so with a 5xx.
    private async Task<string> Bootstrap()
    {
        using var http = new HttpClient { BaseAddress = Address };
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        using var again = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            using var response = await http.PutAsync(
                new Uri("v1/acl/bootstrap", UriKind.Relative), null, deadline.Token);
            if (response.IsSuccessStatusCode)
            {
                var token = await response.Content.ReadFromJsonAsync<JsonElement>(deadline.Token);
                return token.GetProperty("SecretID").GetString()!;
            }

            await again.WaitForNextTickAsync(deadline.Token);
        }
    }
}
