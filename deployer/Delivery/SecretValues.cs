using Docker.DotNet.Models;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>
/// The secrets of a release and of its tests, read on the CI host. Their values go to those containers and nowhere else: what a
/// container prints is told and kept with <c>***</c> in their place.
/// </summary>
internal sealed class SecretValues
{
    // What is shorter stands in many a line by chance.
    private const int Telling = 4;

    private readonly Dictionary<SecretSource, string> values;
    private readonly string[] masked;

    private SecretValues(Dictionary<SecretSource, string> values, IEnumerable<string> all)
    {
        this.values = values;
        // One that holds another goes first.
        masked = [.. all.SelectMany(LinesOf).Distinct(StringComparer.Ordinal).OrderByDescending(line => line.Length)];
    }

    public static SecretValues None { get; } = new([], []);

    /// <summary>The values of some of them, by the name of the container's environment variable.</summary>
    public IReadOnlyDictionary<string, string> Of(IEnumerable<SecretSource> sources) =>
        sources.ToDictionary(source => source.Name, source => values[source], StringComparer.Ordinal);

    /// <exception cref="DeliveryException">Values are missing or cannot be kept; all of them are named.</exception>
    public static SecretValues Read(IEnumerable<SecretSource> sources, Func<string, string?> environment, Func<string, string> file)
    {
        var (values, faults) = (new Dictionary<SecretSource, string>(), new List<string>());
        foreach (var source in sources.Distinct())
        {
            try
            {
                var value = source.File is { } path ? WithoutLastLineEnd(file(path)) : environment(source.Variable!);
                if (value is null)
                    faults.Add($"{source.Name}: the environment variable {source.Variable} is not set");
                else if (!LinesOf(value).Any())
                    faults.Add($"{source.Name}: its value has fewer than {Telling} characters, which nobody could mask where a container prints them. Give it a longer one, or put it into environment");
                else
                    values[source] = value;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
            {
                faults.Add($"{source.Name}: {error.Message}");
            }
        }

        return faults.Count == 0
            ? new SecretValues(values, values.Values)
            : throw new DeliveryException(ExitCode.WrongInput, $"secrets cannot be used: {string.Join("; ", faults)}");
    }

    /// <summary>Those that a container was given, by whomever: it has their names in a label, and their values itself.</summary>
    public static SecretValues In(ContainerInspectResponse container)
    {
        if (container.Config?.Labels is not { } labels || !labels.TryGetValue(ContainerLabel.Secrets, out var names))
            return None;
        var prefixes = names.Split(',').Select(name => $"{name}=").ToArray();
        return new SecretValues([], (container.Config.Env ?? []).SelectMany(
            variable => prefixes.Where(prefix => variable.StartsWith(prefix, StringComparison.Ordinal)).Select(prefix => variable[prefix.Length..])));
    }

    /// <summary>The line without any secret.</summary>
    public string Mask(string line) => masked.Aggregate(line, (text, secret) => text.Replace(secret, "***", StringComparison.Ordinal));

    // A value of several lines is printed line by line.
    private static IEnumerable<string> LinesOf(string value) => value.Split('\n').Select(line => line.Trim()).Where(line => line.Length >= Telling);

    // Editors end a file with a line end that is no part of the secret.
    private static string WithoutLastLineEnd(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
