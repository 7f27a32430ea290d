using ServiceMesh.Policy;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>Reads how a service's requests are sent to its instances; the limits are the document's own.</summary>
internal static class TrafficReader
{
    private static readonly string[] Keys = ["balance", "sticky", "retries", "concurrency", "probe", "passive", "slow-start"];
    private static readonly string[] RetryKeys = ["attempts", "budget"];
    private static readonly string[] ConcurrencyKeys = ["per-instance", "queue", "wait"];
    private static readonly string[] ProbeKeys = ["path", "interval", "timeout", "failures", "successes"];
    private static readonly string[] PassiveKeys = ["failures", "error-share", "minimum", "window", "ejection"];

    private static readonly Dictionary<string, Balance> Balances = new(StringComparer.Ordinal)
    {
        ["power-of-two"] = Balance.PowerOfTwo,
        ["round-robin"] = Balance.RoundRobin,
        ["least-requests"] = Balance.LeastRequests,
        ["random"] = Balance.Random,
        ["first"] = Balance.First,
    };

    /// <param name="root">The manifest.</param>
    /// <param name="drain">The manifest's drain timeout, which is part of the policy.</param>
    public static TrafficPolicy Read(Section root, TimeSpan drain)
    {
        var policy = new TrafficPolicy { Drain = drain };
        if (root.Child("traffic", Keys) is { } traffic)
        {
            policy = policy with
            {
                Balance = traffic.OneOf("balance", Balances, policy.Balance),
                Sticky = traffic.Flag("sticky", policy.Sticky),
                Retries = Retries(traffic),
                Concurrency = Concurrency(traffic),
                Probe = Probe(traffic),
                Passive = Passive(traffic),
                SlowStart = traffic.Optional("slow-start"),
            };
        }

        // Only there it is a part of the policy.
        foreach (var fault in policy.Faults())
            root.Fault(fault.Replace("traffic.drain", "drain", StringComparison.Ordinal));
        return policy;
    }

    private static RetryPolicy Retries(Section traffic)
    {
        var usual = RetryPolicy.Default;
        return traffic.Child("retries", RetryKeys) is { } retries
            ? new RetryPolicy(retries.Whole("attempts", usual.Attempts, 0, 5), retries.Share("budget") ?? usual.Budget)
            : usual;
    }

    private static ConcurrencyLimit? Concurrency(Section traffic)
    {
        if (traffic.Child("concurrency", ConcurrencyKeys) is not { } limit)
            return null;
        if (!limit.Has("per-instance"))
            limit.Required("per-instance", "how many requests one instance may have at once, such as 100");
        var usual = new ConcurrencyLimit(PerInstance: 1);
        return new ConcurrencyLimit(limit.Whole("per-instance", 1, 1, 100_000), limit.Whole("queue", usual.Queue, 0, 10_000), limit.Optional("wait"));
    }

    private static ProbePolicy? Probe(Section traffic)
    {
        if (traffic.Child("probe", ProbeKeys) is not { } probe)
            return null;
        var usual = new ProbePolicy("/");
        return new ProbePolicy(
            probe.Required("path", "the path that a good instance answers with 2xx, such as /health") ?? "/",
            probe.Optional("interval"),
            probe.Optional("timeout"),
            probe.Whole("failures", usual.Failures, 1, 100),
            probe.Whole("successes", usual.Successes, 1, 100));
    }

    private static PassivePolicy Passive(Section traffic)
    {
        var usual = PassivePolicy.Default;
        return traffic.Child("passive", PassiveKeys) is { } passive
            ? new PassivePolicy(
                passive.Whole("failures", usual.Failures, 0, 1000),
                passive.Share("error-share"),
                passive.Whole("minimum", usual.Minimum, 1, 100_000),
                passive.Optional("window"),
                passive.Optional("ejection"))
            : usual;
    }
}
