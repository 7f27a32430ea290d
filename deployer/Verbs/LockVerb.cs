using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer lock status demo</c> and <c>deployer lock release demo</c></summary>
internal static class LockVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    public static Command Create() => new VerbCommand(
        "lock", "Tells who may change a service now, or takes the lock away from them.", "deployer lock status demo", "deployer lock release demo")
    {
        Status(),
        Release(),
    };

    private static VerbCommand Status()
    {
        var command = new VerbCommand("status", "Tells who holds a service's lock, since when and what for.", "deployer lock status demo") { Service };
        command.SetAction((parse, ct) => VerbRunner.TellAsync(
            parse, (mesh, _, token) => ReadAsync(mesh, ServiceArgument.Of(parse, Service), token), json => json.LockReport, Table, ct));
        return command;
    }

    private static VerbCommand Release()
    {
        var command = new VerbCommand(
            "release",
            "Takes a service's lock away from whoever holds it. A deployer that lost its lock cannot promote any more.",
            "deployer lock release demo")
        {
            Service,
        };
        command.SetAction((parse, ct) => VerbRunner.TellAsync(
            parse, (mesh, narrator, token) => ReleaseAsync(mesh, narrator, ServiceArgument.Of(parse, Service), token), json => json.LockReport, Table, ct));
        return command;
    }

    private static async Task<LockReport> ReadAsync(Mesh mesh, string service, CancellationToken ct) =>
        new(service, await mesh.Locks.HolderAsync(service, ct));

    private static async Task<LockReport> ReleaseAsync(Mesh mesh, Narrator narrator, string service, CancellationToken ct)
    {
        var holder = await mesh.Locks.BreakAsync(service, ct)
            ?? throw new DeliveryException(ExitCode.WrongInput, $"nobody holds the lock of '{service}': there is nothing to release. 'deployer history {service}' has what was done");
        narrator.Say($"the lock of {service} was taken from {holder.Who}, who held it for: {holder.Why}");
        return await ReadAsync(mesh, service, ct);
    }

    private static Columns Table(LockReport report) => new(
        ["SERVICE", "HELD BY", "SINCE (UTC)", "FOR"],
        [report.Holder is { } holder
            ? [report.Service, holder.Who, holder.Since.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss"), holder.Why]
            : [report.Service, "nobody", "-", "-"]]);
}

/// <summary>Who holds a service's lock; nobody if <paramref name="Holder"/> is <c>null</c>.</summary>
internal sealed record LockReport(string Service, LockHolder? Holder);
