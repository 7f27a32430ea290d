using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>A change of a service's document that promotes nothing: its lock, one transaction, and the proxies follow.</summary>
internal sealed class ChangeRun(Mesh mesh, Narrator narrator)
{
    /// <param name="service">The service's name.</param>
    /// <param name="action">The verb.</param>
    /// <param name="change">The document after the change and what is told of it; refuses by <see cref="DeliveryException"/>.</param>
    /// <param name="ct">The person's interruption.</param>
    /// <param name="about">How its release is found in the document after the change; <c>null</c>: it is the active one.</param>
    public async Task<Delivered> RunAsync(
        string service,
        string action,
        Func<ServiceDocument, CancellationToken, Task<(ServiceDocument After, string What)>> change,
        CancellationToken ct,
        Func<ServiceDocument, Release?>? about = null)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, service, action, action, ct);
        ServiceDocument after;
        string what;
        ulong index;
        try
        {
            var before = attempt.Before.Document is { Active: not null } document
                ? document
                : throw new DeliveryException(ExitCode.WrongInput, $"nothing of '{service}' is active: deploy it first, or look at 'deployer status'");
            attempt.Release = about is null ? before.Active : null;
            (after, what) = await change(before, attempt.Token);
            attempt.Release ??= about?.Invoke(after);
            index = await narrator.PhaseAsync("change", async () => (await attempt.ChangeAsync(after, what), what));
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(error) is { } fault)
                throw fault;
            throw;
        }

        await FollowedAsync(attempt, index);
        return new Delivered(service, attempt.Release, Replaced: null, after, index, Tests: []) { What = what };
    }

    /// <summary>Waits until the proxies follow a change that is made. Production has changed already, so nothing here may fail it.</summary>
    public async Task FollowedAsync(Attempt attempt, ulong index)
    {
        try
        {
            foreach (var late in await new ProxiesFollow(mesh, narrator).WaitAsync(attempt.Service, index, attempt.Token))
                narrator.Warn(late);
        }
        catch (Exception error) when (attempt.Explain(error) is { } fault)
        {
            narrator.Warn($"{fault.Reason}: the change is made, but whether every proxy follows it was not waited for ('deployer status {attempt.Service}' tells)");
        }
    }
}
