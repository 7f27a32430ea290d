using System.Net;
using Microsoft.AspNetCore.Http;

namespace ServiceMesh.Tests.Integration.Deployer;

internal enum Fault
{
    Killed,
    WithoutConsul,
    WithoutDocker,
}

/// <summary>A phase of a verb, in which the deployer is frozen by one request of its that is kept waiting, and what each fault in it must lead to.</summary>
/// <param name="Verb">The verb, with its options.</param>
/// <param name="Name">The phase, as the deployer tells of it; <c>wait</c> is that for the lock, <c>keys</c> and <c>create</c> come before the clean and the start, <c>batch</c> is the start of the second one.</param>
/// <param name="Killed">The active version after it was killed.</param>
/// <param name="WithoutConsul">How it ends that was cut off from Consul.</param>
/// <param name="WithoutDocker">The same for Docker.</param>
internal sealed record FaultyPhase(string Verb, string Name, string Killed, End WithoutConsul, End WithoutDocker)
{
    private const string Canary = "strategy: {canary: {steps: [10%], bake: 4s, minimum: 2, error-share: 5%, p99-ratio: 100, synthetic: /}}";
    private const string Rolling = "replicas: 2\nstrategy: {rolling: {batch: 1, bake: 2s, minimum: 1, error-share: 5%}}";
    private const string Inconclusive = "strategy: {canary: {steps: [10%], bake: 1s, minimum: 1000000, error-share: 5%}}";
    private const string Steps = "strategy: {canary: {steps: [10%, 50%], bake: 2s, minimum: 2, error-share: 5%, p99-ratio: 100, synthetic: /}}";
    private const string Thirds = "replicas: 3\nstrategy: {rolling: {batch: 1, bake: 0s}}";
    private const string Watch = "watch: {for: 5s, error-share: 5%, minimum: 10}";
    private const string Ab = "strategy: {ab: {share: 10%}}";
    private const string Pause = "pause --limit 2m";

    // Their own container is the first that a deploy removes.
    private const int AfterTheTests = 2;

    private static readonly End ConsulGone = new(5, "v1", "Consul");
    private static readonly End LockLost = new(4, "v1", "; production is unchanged");
    private static readonly End DockerGone = new(5, "v1", "Docker");
    private static readonly End StaysStopped = new(5, "v1", "'deployer scale ");
    private static readonly End NotTaken = new(5, "v1", "it did not take place");
    private static readonly End TakenOut = new(5, "v1", "Consul");
    private static readonly End Reverted = new(6, "v1", "v1 serves all of it again");
    private static readonly End Watched = new(6, "good", "good is active again");
    private static readonly End NotReady = new(3, "v1", "Production is unchanged");
    private static readonly End Done = new(0, "v2", "v2 is active");
    private static readonly End Promoted = new(0, "v2", "production is on");
    private static readonly End Split = new(0, "v1", "% of the requests to v2, the others to v1");
    private static readonly End Aborted = new(0, "v1", "(v1 is active): the split with v2 is over");
    private static readonly End Back = new(0, "v1", "production is on");
    private static readonly End Larger = new(0, "v1", "has 2 replicas of v1");
    private static readonly End Smaller = new(0, "v1", "has 1 replica of v1");
    private static readonly End Paused = new(0, "v1", "is paused");
    private static readonly End Resumed = new(0, "v1", "serves again");
    private static readonly End Maintained = new(0, "v1", "is under maintenance");

    public static IReadOnlyList<FaultyPhase> All { get; } =
    [
        new("deploy", "lock", "v1", ConsulGone, DockerGone) { Consul = (service, _) => Locks(service) },
        new("deploy --wait 2m", "wait", "v1", Done, Done) { Consul = (service, _) => Nth(Locks(service), 2), Locked = true },
        // Of the proxies' keys, before anything is asked of Docker.
        new("deploy", "keys", "v1", ConsulGone, DockerGone) { Consul = (_, _) => request => request.Path == "/v1/kv/mesh/keys/cookie" },
        new("deploy", "clean", "v1", LockLost, DockerGone) { Docker = () => Removes, LeftBehind = true },
        new("deploy", "pull", "v1", LockLost, DockerGone) { Docker = () => Posts("/create") },
        new("deploy", "create", "v1", LockLost, DockerGone) { Docker = () => Creates },
        new("deploy", "start", "v1", LockLost, DockerGone) { Docker = () => Posts("/start") },
        new("deploy", "healthy", "v1", LockLost, DockerGone) { Consul = (service, _) => Asks(service) },
        new("deploy", "tests", "v1", LockLost, DockerGone) { Docker = () => Posts("/wait") },
        // As it looks before a first share, too. The deadline and the lock's end are near one another.
        new("deploy", "healthy", "v1", LockLost with { Or = 5, Says = "Consul" }, Promoted) { Consul = (service, _) => Nth(Begins(Asks(service)), 2) },
        new("deploy", "routes", "v1", ConsulGone, Promoted) { NewRoute = true, Consul = (_, _) => request => request.Path == "/v1/kv/mesh/latest" },
        new("deploy", "promote", "v1", NotTaken, Promoted) { Consul = (_, _) => IsTransaction },
        new("deploy", "proxies", "v2", Promoted, Promoted) { Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("deploy", "drain", "v2", Promoted, Promoted) { Consul = (_, proxies) => AfterATransaction(Asks(proxies), 2) },
        new("deploy", "retire", "v2", Promoted, Promoted) { Docker = () => Posts("/stop") },
        // What is beyond those that are kept, and what had a share and lost to another.
        new("deploy", "retire", "v2", Promoted, Promoted) { Next = "", Docker = () => Nth(Removes, AfterTheTests) },
        new("deploy", "clean", "v2", Promoted, Promoted) { Next = Ab, Docker = () => Nth(Removes, AfterTheTests) },
        new("deploy", "canary", "v1", TakenOut, Promoted) { Manifest = Canary, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1), StaysSplit = [Fault.Killed] },
        // The proxies are known by a first look then, and judged by: it is the next look at its health that is not begun.
        new("deploy", "bake", "v1", TakenOut with { Code = 4 }, Promoted) { Manifest = Canary, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 3), StaysSplit = [Fault.Killed] },
        new("deploy", "canary", "v1", NotTaken, Promoted) { Manifest = Steps, Consul = (_, _) => Nth(IsTransaction, 2), StaysSplit = [Fault.Killed] },
        new("deploy", "promote", "v1", NotTaken, Promoted) { Manifest = Steps, Consul = (_, _) => Nth(IsTransaction, 3), StaysSplit = [Fault.Killed] },
        new("deploy", "roll", "v1", TakenOut, DockerGone) { Manifest = Rolling, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1), StaysSplit = [Fault.Killed] },
        // The proxies, the drain and a first look have asked by then: what is known is judged, and it is the next batch that is not begun.
        new("deploy", "observe", "v1", TakenOut with { Or = 4 }, DockerGone) { Manifest = Rolling, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 4), StaysSplit = [Fault.Killed] },
        // The candidate and its tests were started before.
        new("deploy", "batch", "v1", TakenOut with { Code = 4 }, StaysStopped) { Manifest = Rolling, Docker = () => Nth(Posts("/start"), 3), StaysSplit = [Fault.Killed] },
        // Of the second batch: a container of the first one's is stopped by then.
        new("deploy", "drain", "v1", TakenOut, StaysStopped) { Manifest = Thirds, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 2, transactions: 2), StaysSplit = [Fault.Killed] },
        new("deploy", "promote", "v1", NotTaken, Promoted) { Manifest = Rolling, Consul = (_, _) => Nth(IsTransaction, 2), StaysSplit = [Fault.Killed] },
        new("deploy", "revert", "v1", Reverted, Reverted) { Manifest = Inconclusive, Consul = (_, _) => Nth(IsTransaction, 2), StaysSplit = [Fault.Killed] },
        // Its drain asks the same.
        new("deploy", "proxies", "v1", Reverted, Reverted) { Manifest = Inconclusive, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1, transactions: 2) },
        new("deploy", "remove", "v1", Reverted, Reverted) { Manifest = Inconclusive, Docker = () => Nth(Removes, AfterTheTests) },
        new("deploy", "watch", "v2", Done, Promoted) { Manifest = "watch: {for: 2s}", Consul = (service, _) => AfterATransaction(Asks(service), 1) },
        new("deploy", "revert", "failing", Watched, Watched) { Manifest = Watch, Failing = true, Consul = (_, _) => Nth(IsTransaction, 2) },
        // What an earlier delivery had stopped, after two candidates and their tests.
        new("deploy", "start", "failing", Watched, Watched) { Manifest = $"replicas: 2\n{Watch}", Failing = true, HalfRolled = true, Docker = () => Nth(Posts("/start"), 4) },
        new("deploy", "split", "v1", NotTaken, Split) { Manifest = Ab, Consul = (_, _) => IsTransaction, StaysSplit = [Fault.WithoutDocker] },
        new("deploy", "proxies", "v1", Split, Split) { Manifest = Ab, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1), StaysSplit = Enum.GetValues<Fault>() },
        new("deploy", "retire", "v1", TakenOut with { Code = 4 }, StaysStopped) { Manifest = Rolling, Docker = () => Posts("/stop"), StaysSplit = [Fault.Killed] },
        new("promote", "lock", "v1", ConsulGone, DockerGone) { Next = Ab, Consul = (service, _) => Locks(service), StaysSplit = Enum.GetValues<Fault>() },
        new("promote", "healthy", "v1", LockLost, Promoted) { Next = Ab, Consul = (service, _) => Nth(Asks(service), 2), StaysSplit = [Fault.Killed, Fault.WithoutConsul] },
        new("promote", "promote", "v1", NotTaken, Promoted) { Next = Ab, Consul = (_, _) => IsTransaction, StaysSplit = [Fault.Killed, Fault.WithoutConsul] },
        new("promote", "promote", "v1", NotTaken, Promoted) { ByHand = true, Consul = (_, _) => IsTransaction },
        new("promote", "proxies", "v2", Promoted, Promoted) { Next = Ab, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("promote", "drain", "v2", Promoted, Promoted) { Next = Ab, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 2) },
        new("promote", "retire", "v2", Promoted, Promoted) { Next = Ab, Docker = () => Posts("/stop") },
        new("rollback", "lock", "v2", ConsulGone with { Active = "v2" }, DockerGone with { Active = "v2" }) { Next = "", Consul = (service, _) => Locks(service) },
        new("rollback", "start", "v2", LockLost with { Active = "v2" }, DockerGone with { Active = "v2" }) { Next = "", Docker = () => Posts("/start") },
        new("rollback", "healthy", "v2", LockLost with { Active = "v2" }, DockerGone with { Active = "v2" }) { Next = "", Consul = (service, _) => Asks(service) },
        new("rollback", "promote", "v2", NotTaken with { Active = "v2" }, Back) { Next = "", Consul = (_, _) => IsTransaction },
        new("rollback", "proxies", "v1", Back, Back) { Next = "", Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("rollback", "drain", "v1", Back, Back) { Next = "", Consul = (_, proxies) => AfterATransaction(Asks(proxies), 2) },
        new("rollback", "retire", "v1", Back, Back) { Next = "", Docker = () => Posts("/stop") },
        new("rollback --deadline 1ms", "undo", "late2", NotReady with { Active = "late2" }, NotReady with { Active = "late2" }) { Next = "", Late = true, Docker = () => Posts("/stop") },
        new("scale 2", "lock", "v1", ConsulGone, DockerGone) { Consul = (service, _) => Locks(service) },
        new("scale 2", "start", "v1", LockLost, DockerGone) { Docker = () => Posts("/start") },
        new("scale 2", "healthy", "v1", LockLost, DockerGone) { Consul = (service, _) => Nth(Asks(service), 2) },
        new("scale 2", "change", "v1", NotTaken, Larger) { Consul = (_, _) => IsTransaction },
        new("scale 2 --deadline 1ms", "undo", "late1", NotReady with { Active = "late1" }, NotReady with { Active = "late1" }) { Late = true, Docker = () => Posts("/stop") },
        new("scale 1", "change", "v1", NotTaken, Smaller) { Manifest = "replicas: 2", Consul = (_, _) => IsTransaction },
        new("scale 1", "proxies", "v1", Smaller, Smaller) { Manifest = "replicas: 2", Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("scale 1", "drain", "v1", Smaller, Smaller) { Manifest = "replicas: 2", Consul = (_, proxies) => AfterATransaction(Asks(proxies), 2) },
        new("scale 1", "remove", "v1", Smaller, Smaller) { Manifest = "replicas: 2", Docker = () => Posts("/stop") },
        new("abort", "lock", "v1", ConsulGone, DockerGone) { Next = Ab, Consul = (service, _) => Locks(service), StaysSplit = Enum.GetValues<Fault>() },
        new("abort", "start", "v1", LockLost, Aborted) { Manifest = "replicas: 2", HalfRolled = true, Docker = () => Posts("/start"), StaysSplit = [Fault.Killed, Fault.WithoutConsul] },
        new("abort", "healthy", "v1", LockLost, Aborted) { Manifest = "replicas: 2", HalfRolled = true, Consul = (service, _) => Asks(service), StaysSplit = [Fault.Killed, Fault.WithoutConsul] },
        new("abort", "change", "v1", NotTaken, Aborted) { Next = Ab, Consul = (_, _) => IsTransaction, StaysSplit = [Fault.Killed, Fault.WithoutConsul] },
        new("abort", "proxies", "v1", Aborted, Aborted) { Next = Ab, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("abort", "drain", "v1", Aborted, Aborted) { Next = Ab, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 2) },
        new("abort", "clean", "v1", Aborted, Aborted) { Next = Ab, Docker = () => Removes },
        new("split --share 50", "lock", "v1", ConsulGone, Split) { Next = Ab, Consul = (service, _) => Locks(service), StaysSplit = Enum.GetValues<Fault>() },
        new("split --share 50", "change", "v1", NotTaken, Split) { Next = Ab, Consul = (_, _) => IsTransaction, StaysSplit = Enum.GetValues<Fault>() },
        new("split --share 50", "proxies", "v1", Split, Split) { Next = Ab, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1), StaysSplit = Enum.GetValues<Fault>() },
        new(Pause, "lock", "v1", ConsulGone, Paused) { Consul = (service, _) => Locks(service) },
        new(Pause, "change", "v1", NotTaken, Paused) { Consul = (_, _) => IsTransaction },
        new(Pause, "proxies", "v1", Paused, Paused) { Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("resume", "lock", "v1", ConsulGone, Resumed) { First = Pause, Consul = (service, _) => Locks(service) },
        new("resume", "change", "v1", NotTaken, Resumed) { First = Pause, Consul = (_, _) => IsTransaction },
        new("resume", "proxies", "v1", Resumed, Resumed) { First = Pause, Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1) },
        new("maintenance", "lock", "v1", ConsulGone, Maintained) { Consul = (service, _) => Locks(service), Answer = HttpStatusCode.ServiceUnavailable },
        new("maintenance", "change", "v1", NotTaken, Maintained) { Consul = (_, _) => IsTransaction, Answer = HttpStatusCode.ServiceUnavailable },
        new("maintenance", "proxies", "v1", Maintained, Maintained) { Consul = (_, proxies) => AfterATransaction(Asks(proxies), 1), Answer = HttpStatusCode.ServiceUnavailable },
    ];

    /// <summary>What the manifest has besides, of the release that is there and of the one that is deployed.</summary>
    public string Manifest { get; private init; } = "";

    /// <summary>The same of the second release that is deployed before; <c>null</c> for none.</summary>
    public string? Next { get; private init; }

    /// <summary>The verb that is said before; <c>null</c> for none.</summary>
    public string? First { get; private init; }

    /// <summary>Whether a rolling delivery was killed when it had stopped one container of the release that serves.</summary>
    public bool HalfRolled { get; private init; }

    /// <summary>Whether an earlier attempt has left a container behind.</summary>
    public bool LeftBehind { get; private init; }

    /// <summary>Whether a person has started a container of the release that is promoted.</summary>
    public bool ByHand { get; private init; }

    /// <summary>Whether another holds the lock until the fault is over.</summary>
    public bool Locked { get; private init; }

    /// <summary>Whether the release that is deployed has a route more than the one that is there.</summary>
    public bool NewRoute { get; private init; }

    /// <summary>Whether the release that is deployed fails under load.</summary>
    public bool Failing { get; private init; }

    /// <summary>Whether its releases take seconds until they answer.</summary>
    public bool Late { get; private init; }

    /// <summary>What the proxies answer besides, because they were told to or because a release does.</summary>
    public HttpStatusCode Answer { get => Failing ? HttpStatusCode.InternalServerError : field; private init; } = HttpStatusCode.OK;

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

    /// <summary>The version of the release that is there, of the one that is deployed, and of the one after it.</summary>
    public string Version(int number) => Failing ? ((string[])["good", "failing", "better"])[number - 1] : $"{(Late ? "late" : "v")}{number}";

    private static bool IsTransaction(HttpRequest request) => request.Path == "/v1/txn";

    private static bool Removes(HttpRequest request) => HttpMethods.IsDelete(request.Method);

    private static Func<HttpRequest, bool> Locks(string service) => request => request.Path == $"/v1/kv/mesh/locks/{service}";

    private static Func<HttpRequest, bool> Asks(string service) => request => request.Path == $"/v1/health/service/{service}";

    // Of one that follows something, its first question: it waits for nothing.
    private static Func<HttpRequest, bool> Begins(Func<HttpRequest, bool> asks) => request => asks(request) && !request.Query.ContainsKey("index");

    private static bool Creates(HttpRequest request) => request.Path.Value!.EndsWith("/containers/create", StringComparison.Ordinal);

    private static Func<HttpRequest, bool> Posts(string end) => request =>
        HttpMethods.IsPost(request.Method) && request.Path.Value!.EndsWith(end, StringComparison.Ordinal) && !Creates(request);

    private static Func<HttpRequest, bool> Nth(Func<HttpRequest, bool> asks, int number)
    {
        var seen = 0;
        return request => asks(request) && Interlocked.Increment(ref seen) == number;
    }

    private static Func<HttpRequest, bool> AfterATransaction(Func<HttpRequest, bool> asks, int number, int transactions = 1)
    {
        var (changed, seen) = (0, 0);
        return request =>
        {
            if (IsTransaction(request))
                Interlocked.Increment(ref changed);
            return Volatile.Read(ref changed) >= transactions && asks(request) && Interlocked.Increment(ref seen) >= number;
        };
    }
}

/// <summary>How the deployer ends, what is active then, and what it says.</summary>
internal sealed record End(int Code, string Active, string Says)
{
    /// <summary>The other code that it may end with, where two of its questions to Consul are given up at about the same time.</summary>
    public int? Or { get; init; }
}
