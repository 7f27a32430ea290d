using System.Text;
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
        masked = [.. all.SelectMany(LinesOf).SelectMany(FormsOf).Distinct(StringComparer.Ordinal)];
    }

    private SecretValues(SecretValues one, SecretValues other)
    {
        values = one.values;
        masked = [.. one.masked.Union(other.masked, StringComparer.Ordinal)];
    }

    public static SecretValues None { get; } = new([], []);

    /// <summary>The values of some of them, by the name of the container's environment variable.</summary>
    public IReadOnlyDictionary<string, string> Of(IEnumerable<SecretSource> sources) =>
        sources.ToDictionary(source => source.Name, source => values[source], StringComparer.Ordinal);

    /// <summary>Reads the values; each that is missing or cannot be kept is an error.</summary>
    public static (SecretValues Values, IReadOnlyList<ManifestError> Errors) Read(IEnumerable<SecretSource> sources, Func<string, string?> environment, Func<string, string> file)
    {
        var (values, errors) = (new Dictionary<SecretSource, string>(), new List<ManifestError>());
        foreach (var source in sources.Distinct())
        {
            try
            {
                var value = source.File is { } path ? WithoutLastLineEnd(file(path)) : environment(source.Variable!);
                if (value is null)
                    Fault(source, $"the environment variable {source.Variable} is not set. Set it where the deployer runs, or name another in the manifest");
                else if (!LinesOf(value).Any())
                    Fault(source, $"its value has fewer than {Telling} characters, which nobody could mask where a container prints them. Give it a longer one, or put it into environment");
                else
                    values[source] = value;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
            {
                Fault(source, $"{error.Message.TrimEnd('.')}. Name a file in the manifest that can be read");
            }
        }

        return (new SecretValues(values, values.Values), [.. errors.OrderBy(error => error.Line)]);

        void Fault(SecretSource source, string message) => errors.Add(new ManifestError(source.Line, $"secret {source.Name}: {message}"));
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

    /// <summary>The same, masking also what <paramref name="other"/> masks.</summary>
    public SecretValues And(SecretValues other) => new(this, other);

    /// <summary>The line without any secret; of one that is <paramref name="cut"/>, without the beginning of one at its end either.</summary>
    public string Mask(string line, bool cut = false)
    {
        if (masked.Length == 0)
            return line;
        var hidden = new bool[line.Length];
        foreach (var (text, starts) in UnescapedLine.Readings(line))
        {
            foreach (var secret in masked)
            {
                for (var at = text.IndexOf(secret, StringComparison.Ordinal); at >= 0; at = text.IndexOf(secret, at + 1, StringComparison.Ordinal))
                    hidden.AsSpan(starts[at]..starts[at + secret.Length]).Fill(true);
                if (cut)
                    hidden.AsSpan(starts[text.Length - BegunAtTheEnd(text, secret)]).Fill(true);
            }
        }

        var told = new StringBuilder(line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            if (!hidden[i])
                told.Append(line[i]);
            else if (i == 0 || !hidden[i - 1])
                told.Append("***");
        }

        return told.ToString();
    }

    private static int BegunAtTheEnd(string line, string secret)
    {
        var length = Math.Min(secret.Length, line.Length);
        while (!line.AsSpan().EndsWith(secret.AsSpan(0, length), StringComparison.Ordinal))
            length--;
        return length;
    }

    // A value of several lines is printed line by line. What cannot be seen is taken out of all that is printed, but a program may
    // have written it in another form before, in which it can be seen.
    private static IEnumerable<string> LinesOf(string value) =>
        value.Split('\n').SelectMany(line => (string[])[line.Trim(), ForeignText.Cleaned(line).Trim()])
            .Where(line => ForeignText.Cleaned(line).Trim().Length >= Telling);

    // In an address a plus may stand for a space or for itself. A sidecar shows what cannot be seen as question marks.
    private static IEnumerable<string> FormsOf(string line) => [line, line.Replace('+', ' '), ForeignText.Shown(line, int.MaxValue)];

    // Editors end a file with a line end that is no part of the secret.
    private static string WithoutLastLineEnd(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
