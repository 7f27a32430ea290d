using System.Globalization;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What becomes of the active release's containers when there are to be so many of them. Pure.</summary>
/// <param name="Start">The number of each new container, and the name of its host.</param>
/// <param name="Leave">The containers that go.</param>
internal sealed record ScalePlan(IReadOnlyList<(string Host, int Number)> Start, IReadOnlyList<OwnContainer> Leave)
{
    /// <param name="release">The active release.</param>
    /// <param name="replicas">How many there are to be.</param>
    /// <param name="containers">The service's containers.</param>
    /// <param name="leaving">Those that an earlier change took out of the traffic.</param>
    public static ScalePlan Of(Release release, int replicas, IReadOnlyList<OwnContainer> containers, Func<OwnContainer, bool> leaving)
    {
        var own = containers.Where(container => container.Deployment == release.Deployment).ToList();
        var serving = own.Where(container => container.Running && !leaving(container)).ToList();
        var leave = own.Except(serving).Where(container => !container.ByHand).ToList();
        // From the host that has the most of them; of these the youngest, and none that somebody else made.
        while (serving.Count > replicas && Fullest(serving) is { } surplus)
        {
            serving.Remove(surplus);
            leave.Add(surplus);
        }

        var hosts = own.GroupBy(container => container.Host).ToDictionary(host => host.Key, host => serving.Count(container => container.Host == host.Key));
        var next = own.Select(Number).DefaultIfEmpty().Max();
        var start = new List<(string Host, int Number)>();
        for (var missing = replicas - serving.Count; missing > 0 && hosts.Count > 0; missing--)
        {
            var emptiest = hosts.MinBy(host => host.Value).Key;
            hosts[emptiest]++;
            start.Add((emptiest, ++next));
        }

        return new ScalePlan(start, leave);
    }

    private static OwnContainer? Fullest(List<OwnContainer> serving) => serving
        .GroupBy(container => container.Host)
        .OrderByDescending(host => host.Count())
        .ThenByDescending(host => host.Max(Number))
        .SelectMany(host => host.OrderByDescending(Number))
        .FirstOrDefault(container => !container.ByHand);

    // A container that was started by hand has whatever name.
    private static int Number(OwnContainer container) =>
        int.TryParse(container.Name[(container.Name.LastIndexOf('-') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
