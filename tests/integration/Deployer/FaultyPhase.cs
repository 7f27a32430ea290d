using Microsoft.AspNetCore.Http;

namespace ServiceMesh.Tests.Integration.Deployer;

internal enum Fault
{
    Killed,
    WithoutConsul,
    WithoutDocker,
}

/// <summary>A phase of a delivery, in which the deployer is frozen by one request of its that is kept waiting, and what each fault in it must lead to.</summary>
/// <param name="Name">As the deployer tells of it.</param>
/// <param name="Killed">The active version after it was killed.</param>
/// <param name="WithoutConsul">How it ends that was cut off from Consul.</param>
/// <param name="WithoutDocker">The same for Docker.</param>
internal sealed record FaultyPhase(string Name, string Killed, End WithoutConsul, End WithoutDocker)
{
    private const string Canary = "strategy: {canary: {steps: [10%], bake: 4s, minimum: 2, error-share: 5%, p99-ratio: 100, synthetic: /}}";
    private const string Rolling = "replicas: 2\nstrategy: {rolling: {batch: 1, bake: 2s, minimum: 2, error-share: 5%}}";
    private const string Inconclusive = "strategy: {canary: {steps: [10%], bake: 1s, minimum: 1000000, error-share: 5%}}";
    private const string Ab = "strategy: {ab: {share: 10%}}";

    private static readonly End LockLost = new(4, "v1", "; production is unchanged");
    private static readonly End DockerGone = new(5, "v1", "Docker");
    private static readonly End NotTaken = new(5, "v1", "it did not take place");
    private static readonly End TakenOut = new(5, "v1", "Consul");
    private static readonly End Reverted = new(6, "v1", "v1 serves all of it again");
    private static readonly End Done = new(0, "v2", "v2 is active");
    private static readonly End Promoted = new(0, "v2", "production is on");

    public static IReadOnlyList<FaultyPhase> All { get; } =
    [
        new("pull", "v1", LockLost, DockerGone) { Docker = () => Posts("/create") },
        new("start", "v1", LockLost, DockerGone) { Docker = () => Posts("/start") },
        new("healthy", "v1", LockLost, DockerGone) { Consul = (service, _) => Asks(service) },
        new("tests", "v1", LockLost, DockerGone) { Docker = () => Posts("/wait") },
        new("promote", "v1", NotTaken, Promoted) { Consul = (_, _) => IsTransaction },
        new("proxies", "v2", Promoted, Promoted) { Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("drain", "v2", Promoted, Promoted) { Consul = (_, proxies) => AfterATransaction(Asks(proxies), 2) },
        new("retire", "v2", Promoted, Promoted) { Docker = () => Posts("/stop") },
        new("canary", "v1", TakenOut, Promoted) { More = Canary, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1), StaysSplit = [Fault.Killed] },
        new("roll", "v1", TakenOut, DockerGone) { More = Rolling, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1), StaysSplit = [Fault.Killed] },
        // The candidate, its tests, and then the second batch.
        new("batch", "v1", TakenOut with { Code = 4 }, DockerGone) { More = Rolling, Docker = () => Nth(Posts("/start"), 3), StaysSplit = [Fault.Killed] },
        new("revert", "v1", Reverted, Reverted) { More = Inconclusive, Consul = (_, _) => Nth(IsTransaction, 2), StaysSplit = [Fault.Killed] },
        new("watch", "v2", Done, Promoted) { More = "watch: {for: 2s}", Consul = (service, _) => AfterATransaction(Asks(service), 1) },
        new("rollback", "v2", NotTaken with { Active = "v2" }, Promoted with { Active = "v1" }) { Verb = "rollback", Consul = (_, _) => IsTransaction },
        new("scale", "v2", NotTaken with { Active = "v2" }, Done with { Says = "has 2 replicas of v2" }) { Verb = "scale", Consul = (_, _) => IsTransaction },
        new("split", "v1", NotTaken, Promoted) { Verb = "promote", Before = Ab, Consul = (_, _) => IsTransaction, StaysSplit = [Fault.Killed, Fault.WithoutConsul] },
    ];

    public string Verb { get; private init; } = "deploy";

    /// <summary>What the manifest has besides.</summary>
    public string More { get; private init; } = "";

    /// <summary>The same of the release that is there before, where the verb is not the one that brings it.</summary>
    public string Before { get; private init; } = "";

    /// <summary>After which faults a second release still has its share: whoever was killed could take nothing back.</summary>
    public IReadOnlyList<Fault> StaysSplit { get; private init; } = [];

    /// <summary>The call of Docker's that is kept waiting.</summary>
    public Func<Func<HttpRequest, bool>> Docker { get; private init; } = () => _ => false;

    /// <summary>The call of Consul's, by the names of the service and of the proxies.</summary>
    public Func<string, string, Func<HttpRequest, bool>> Consul { get; private init; } = (_, _) => _ => false;

    public End Expected(Fault fault) => fault switch
    {
        Fault.WithoutConsul => WithoutConsul,
        Fault.WithoutDocker => WithoutDocker,
        // As the shell tells SIGKILL; it has said nothing of it.
        _ => new End(137, Killed, ""),
    };

    private static bool IsTransaction(HttpRequest request) => request.Path == "/v1/txn";

    private static Func<HttpRequest, bool> Asks(string service) => request => request.Path == $"/v1/health/service/{service}";

    private static Func<HttpRequest, bool> Posts(string end) => request =>
        HttpMethods.IsPost(request.Method) && request.Path.Value!.EndsWith(end, StringComparison.Ordinal) && !request.Path.Value.EndsWith("/containers/create", StringComparison.Ordinal);

    private static Func<HttpRequest, bool> Nth(Func<HttpRequest, bool> asks, int number)
    {
        var seen = 0;
        return request => asks(request) && Interlocked.Increment(ref seen) == number;
    }

    private static Func<HttpRequest, bool> AfterATransaction(Func<HttpRequest, bool> asks, int number)
    {
        var (changed, seen) = (false, 0);
        return request =>
        {
            changed |= IsTransaction(request);
            return changed && asks(request) && Interlocked.Increment(ref seen) >= number;
        };
    }
}

/// <summary>How the deployer ends, what is active then, and what it says.</summary>
internal sealed record End(int Code, string Active, string Says);
