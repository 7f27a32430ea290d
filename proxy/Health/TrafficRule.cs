namespace ServiceMesh.Proxy.Health;

/// <summary>Who of a release's instances is in the traffic: Consul's word first, then this proxy's probes, then its ejections. Pure.</summary>
internal static class TrafficRule
{
    /// <summary>
    /// Of one release the instances that requests go to; none only if there is none at all. Where nobody satisfies Consul,
    /// or nobody of those a probe, the ones that were in the traffic last stay: when every check fails at once it is more
    /// likely the checking that failed, and sending to none would be an outage for certain. Of those that are left, at most
    /// half are out by ejection.
    /// </summary>
    /// <param name="release">All instances of the release.</param>
    /// <returns>For each of them whether it is in the traffic.</returns>
    public static bool[] InTraffic(IReadOnlyList<Standing> release)
    {
        var all = Enumerable.Range(0, release.Count).ToArray();
        var healthy = Preferred(all, release, static standing => standing.IsHealthy);
        var probed = Preferred(healthy, release, static standing => standing.Admission == Admission.Admitted);
        // Those that are out stay out, so that others' ejections do not call them back.
        // Where the last ones stay for want of better, half of them each time would soon be one alone: half of all is left.
        var areGood = probed.Any(n => release[n].IsHealthy && release[n].Admission == Admission.Admitted);
        var most = areGood ? probed.Length / 2 : Math.Max(0, probed.Length - ((release.Count + 1) / 2));
        var ejected = probed.Where(n => release[n].IsEjected).OrderBy(n => release[n].WasInTraffic).Take(most).ToArray();

        var inTraffic = new bool[release.Count];
        foreach (var n in probed.Except(ejected))
            inTraffic[n] = true;
        return inTraffic;
    }

    private static int[] Preferred(int[] some, IReadOnlyList<Standing> release, Func<Standing, bool> isGood)
    {
        int[] good = [.. some.Where(n => isGood(release[n]))];
        if (good.Length > 0)
            return good;
        int[] known = [.. some.Where(n => release[n].WasInTraffic)];
        return known.Length > 0 ? known : some;
    }
}

/// <summary>How an instance stands beside the others of its release.</summary>
/// <param name="IsHealthy">Whether Consul's checks allow traffic to it.</param>
/// <param name="Admission">What this proxy's probes said.</param>
/// <param name="IsEjected">Whether its own answers speak against it.</param>
/// <param name="WasInTraffic">Whether it was in the traffic until now.</param>
internal readonly record struct Standing(bool IsHealthy, Admission Admission, bool IsEjected, bool WasInTraffic);
