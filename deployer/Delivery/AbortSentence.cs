namespace ServiceMesh.Deployer.Delivery;

/// <summary>What an abort has come to, in a sentence that follows the service's name. Pure.</summary>
internal static class AbortSentence
{
    public static string IsOver(Release split) => $"the split with {split.Version} is over";

    /// <param name="active">The release that is active.</param>
    /// <param name="split">The release whose split was ended.</param>
    /// <param name="cleaned">What became of the containers that an attempt had left.</param>
    public static string Of(Release? active, Release? split, Cleaned cleaned)
    {
        var (removed, stayed) = (cleaned.Removed.Count, cleaned.Stayed);
        List<string> told = [];
        if (split is not null)
            told.Add(IsOver(split));
        else if (removed + stayed.Count == 0)
            told.Add("nothing was left unfinished");
        if (removed > 0)
            told.Add($"{removed} container{(removed == 1 ? "" : "s")} removed");
        if (stayed.Count > 0)
            told.Add($"{string.Join(", ", stayed.Select(container => container.Name))} {(stayed.Count == 1 ? "stays, for it" : "stay, for they")} may still serve");
        return $"is {(stayed.Count == 0 ? "as it was" : "left unfinished")} ({(active is null ? "nothing is active" : $"{active.Version} is active")}): {string.Join("; ", told)}";
    }
}
