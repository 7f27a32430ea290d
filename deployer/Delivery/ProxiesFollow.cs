using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Waits until every proxy serves by a change.</summary>
internal sealed class ProxiesFollow(Mesh mesh, Narrator narrator)
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(30);

    /// <returns>A sentence for each proxy that does not follow; it has been waited for.</returns>
    public async Task<IReadOnlyList<string>> WaitAsync(string service, ulong index, CancellationToken ct) =>
        await narrator.PhaseAsync<IReadOnlyList<string>>("proxies", async () =>
        {
            var proxies = await mesh.Proxies.ListAsync(ct);
            if (proxies.Count == 0)
                return ([], $"none is registered as '{mesh.Settings.ProxyService}'");
            var answers = await mesh.Proxies.AskUntilAsync(service, proxies, all => ProxyState.Behind(all, index).Count == 0, Within, ct);
            foreach (var fault in ProxyState.Faults(answers, index))
                narrator.Warn(fault);
            var late = ProxyState.Behind(answers, index);
            return (late, $"{answers.Count - late.Count} of {answers.Count} follow index {index}");
        });
}
