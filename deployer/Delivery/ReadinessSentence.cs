namespace ServiceMesh.Deployer.Delivery;

/// <summary>What it means when a candidate was not healthy in time.</summary>
internal static class ReadinessSentence
{
    public static string TooLate(ReadinessTarget target, GateView view, string environment)
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
        return $"{what} did not become healthy within {within}: {state}. Production is unchanged. "
            + "Its checks in Consul tell why; mend that or allow a longer deadline, then run this again.";
    }
}
