namespace ServiceMesh.Deployer.Manifest;

/// <summary>Finds the key that was probably meant.</summary>
internal static class NearestKey
{
    /// <returns>The nearest of <paramref name="known"/>, or <c>null</c> if none is near enough to be worth a guess.</returns>
    public static string? Of(string key, IEnumerable<string> known)
    {
        var (best, distance) = known
            .Select(candidate => (candidate, Distance(key.ToLowerInvariant(), candidate)))
            .MinBy(pair => pair.Item2);
        return distance <= Math.Max(2, key.Length / 3) && distance < Math.Max(key.Length, best.Length) ? best : null;
    }

    // Levenshtein's distance, two rows at a time.
    private static int Distance(string a, string b)
    {
        var before = Enumerable.Range(0, b.Length + 1).ToArray();
        foreach (var (i, left) in a.Index())
        {
            var row = new int[b.Length + 1];
            row[0] = i + 1;
            foreach (var (j, right) in b.Index())
                row[j + 1] = Math.Min(Math.Min(row[j], before[j + 1]) + 1, before[j] + (left == right ? 0 : 1));
            before = row;
        }

        return before[^1];
    }
}
