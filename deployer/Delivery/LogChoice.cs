namespace ServiceMesh.Deployer.Delivery;

/// <summary>Whose output a person wants to read. Pure.</summary>
internal static class LogChoice
{
    /// <returns>
    /// The containers of the active release, or those that are meant by the beginning of an id or a name; throws with the list
    /// of what there is otherwise.
    /// </returns>
    public static IReadOnlyList<OwnContainer> Find(string service, string? prefix, ServiceDocument? document, IReadOnlyList<OwnContainer> containers)
    {
        if (containers.Count == 0)
            throw Wrong($"'{service}' has no container here. 'deployer status' has the names that there are");
        if (prefix is null)
        {
            var active = containers.Where(container => !container.IsTests && container.Deployment == document?.Active?.Deployment).ToArray();
            return active.Length > 0 ? active : throw Wrong($"nothing of '{service}' is active: say whose. {There(containers)}");
        }

        if (containers.FirstOrDefault(container => container.Name == prefix) is { } exact)
            return [exact];
        var meant = containers
            .Where(container => StartsWith(container.Deployment, prefix) || StartsWith(container.Id, prefix) || StartsWith(container.Name, prefix))
            .ToArray();
        return meant.Select(container => container.Deployment).Distinct().Count() switch
        {
            1 => meant,
            0 => throw Wrong($"no container of '{service}' begins with '{prefix}'. {There(containers)}"),
            _ => throw Wrong($"'{prefix}' is more than one release of '{service}': give more of it. {There(meant)}"),
        };
    }

    private static string There(IEnumerable<OwnContainer> containers) =>
        $"There is: {string.Join(", ", containers.Select(container => $"{container.Name} (deployment {CandidateSpec.Short(container.Deployment)})"))}.";

    private static bool StartsWith(string id, string prefix) => prefix.Length > 0 && id.StartsWith(prefix, StringComparison.Ordinal);

    private static DeliveryException Wrong(string sentence) => new(ExitCode.WrongInput, sentence);
}
