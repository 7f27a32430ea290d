using ServiceMesh.Deployer.Output;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Waits until every proxy serves by a change.</summary>
internal sealed class ProxiesFollow(Mesh mesh, Narrator narrator)
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BeforehandWithin = TimeSpan.FromSeconds(2);

    /// <returns>A sentence for each proxy that does not follow; it has been waited for.</returns>
    public async Task<IReadOnlyList<string>> WaitAsync(string service, ulong index, CancellationToken ct) =>
        await narrator.PhaseAsync<IReadOnlyList<string>>("proxies", async () =>
        {
            var proxies = await mesh.Proxies.ListAsync(ct);
            if (proxies.Count == 0)
            {
                WarnOfNone();
                return ([], $"none is registered as '{mesh.Settings.ProxyService}'");
            }

            var answers = await mesh.Proxies.AskUntilAsync(service, proxies, all => ProxyState.Behind(all, index).Count == 0, Within, ct);
            foreach (var fault in ProxyState.Faults(answers, index))
                narrator.Warn(fault);
            return (ProxyState.Behind(answers, index), ProxyState.Following(answers, index));
        });

    /// <summary>
    /// Warns of each proxy that does not even follow what stands already. It is also why the wait after the change is short: by
    /// then the connections are there, and the code has run once.
    /// </summary>
    public async Task WarnBeforehandAsync(StoredDocument before, CancellationToken ct)
    {
        try
        {
            var proxies = await mesh.Proxies.ListAsync(ct);
            if (proxies.Count == 0)
                WarnOfNone();
            var answers = await mesh.Proxies.AskUntilAsync(
                before.Service, proxies, all => Late(all, before).Count == 0, BeforehandWithin, ct);
            foreach (var fault in Late(answers, before))
                narrator.Warn($"{fault}: until it follows, whatever leaves the traffic is kept running for it");
        }
        catch (Exception error) when (Faults.Explain(error) is not null)
        {
            // Whoever needs the answers asks again.
        }
    }

    // They may be there under another name, and send requests to what is stopped here.
    private void WarnOfNone() => narrator.Warn(
        $"no proxy is registered as '{mesh.Settings.ProxyService}', so none is waited for: if there are proxies, name them with --proxy-service (MESH_PROXY_SERVICE)");

    // A proxy has no answer of a service that has no document yet.
    private static IReadOnlyList<string> Late(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, StoredDocument before) =>
        before.Document is null ? [] : ProxyState.Behind(answers, before.Index);
}
