namespace ServiceMesh.Deployer.Delivery;

/// <summary>What it means when a candidate was not healthy in time.</summary>
internal static class ReadinessSentence
{
    /// <param name="target">What was waited for.</param>
    /// <param name="view">How it looked at the end.</param>
    /// <param name="complaint">What a check of it said at the end: it is told here, for it leaves Consul together with the candidate.</param>
    /// <param name="environment">Where it was delivered to.</param>
    public static string TooLate(ReadinessTarget target, GateView view, string? complaint, string environment)
    {
        var what = $"{target.Service} {target.Release.Version}";
        var within = DurationText.Write(target.Deadline);
        if (view.Registered == 0)
        {
            return $"{what} was not registered in Consul within {within}: no registry-sidecar seems to watch this Docker host for the "
                + $"environment '{environment}'. Start one, or name its environment with --environment. Production is unchanged.";
        }

        var state = view.Passing < target.Count
            ? $"{view.Passing} of {target.Count} instances were passing"
            : $"its instances were passing for less than {DurationText.Write(target.HealthyFor)}";
        var why = complaint is null ? "Its last lines may tell why" : $"Its check says: {complaint.TrimEnd('.')}";
        return $"{what} did not become healthy within {within}: {state}. Production is unchanged. "
            + $"{why}. Mend that or allow a longer deadline, then run this again.";
    }
}
