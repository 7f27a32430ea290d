using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>
/// The secrets of a release, read on the CI host. Their values go to its containers and nowhere else: what a container prints
/// is told and kept with <c>***</c> in their place.
/// </summary>
internal sealed class SecretValues
{
    // What is shorter stands in many a line by chance.
    private const int Telling = 4;

    private readonly string[] masked;

    private SecretValues(IReadOnlyDictionary<string, string> variables)
    {
        Variables = variables;
        // A value of several lines is printed line by line, and one that holds another goes first.
        masked = [.. variables.Values.SelectMany(value => value.Split('\n')).Select(line => line.Trim()).Where(line => line.Length >= Telling).OrderByDescending(line => line.Length)];
    }

    public static SecretValues None { get; } = new(new Dictionary<string, string>());

    /// <summary>By the name of the container's environment variable.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; }

    /// <exception cref="DeliveryException">Values are missing; all of them are named.</exception>
    public static SecretValues Read(IEnumerable<SecretSource> sources, Func<string, string?> environment, Func<string, string> file)
    {
        var (values, missing) = (new Dictionary<string, string>(StringComparer.Ordinal), new List<string>());
        foreach (var source in sources)
        {
            try
            {
                var value = source.File is { } path ? WithoutLastLineEnd(file(path)) : environment(source.Variable!);
                if (value is null)
                    missing.Add($"{source.Name}: the environment variable {source.Variable} is not set");
                else
                    values[source.Name] = value;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
            {
                missing.Add($"{source.Name}: {error.Message}");
            }
        }

        return missing.Count == 0
            ? new SecretValues(values)
            : throw new DeliveryException(ExitCode.WrongInput, $"secrets are missing: {string.Join("; ", missing)}");
    }

    /// <summary>The line without any secret.</summary>
    public string Mask(string line) => masked.Aggregate(line, (text, secret) => text.Replace(secret, "***", StringComparison.Ordinal));

    // Editors end a file with a line end that is no part of the secret.
    private static string WithoutLastLineEnd(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
