using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>One mapping of the manifest. Reads typed values and notes every fault with its line instead of stopping at the first.</summary>
internal sealed partial class Section
{
    private readonly Dictionary<string, YamlNode> nodes = new(StringComparer.Ordinal);
    private readonly string path;
    private readonly Func<string, string?> environment;
    private readonly List<ManifestError> errors;

    public Section(YamlMappingNode mapping, string path, string[] keys, Func<string, string?> environment, List<ManifestError> errors)
    {
        this.path = path;
        this.environment = environment;
        this.errors = errors;
        Line = LineOf(mapping);
        foreach (var (keyNode, value) in mapping.Children)
        {
            var key = NameOf(keyNode);
            if (keys.Contains(key))
                nodes[key] = value;
            else
                Fault(LineOf(keyNode), $"unknown key '{path}{key}'; " + Hint(key, keys));
        }
    }

    public bool Has(string key) => nodes.ContainsKey(key);

    public string? Text(string key) => nodes.TryGetValue(key, out var node) ? Scalar(node, path + key) : null;

    public string? Required(string key, string what)
    {
        if (!nodes.ContainsKey(key))
            Fault(Line, $"{path}{key} is missing: {what}");
        else if (Text(key) is { Length: > 0 } text)
            return text;
        else if (!errors.Any(error => error.Line == LineFor(key)))
            Fault(key, $"is empty: {what}");
        return null;
    }

    public int Whole(string key, int fallback, int least, int most)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        Fault(key, $"'{text}' must be a whole number from {least} to {most}");
        return fallback;
    }

    public bool Flag(string key, bool fallback)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (text is "true" or "false")
            return text == "true";
        Fault(key, $"'{text}' must be true or false");
        return fallback;
    }

    public TimeSpan Duration(string key, TimeSpan fallback, TimeSpan least)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (!DurationText.TryParse(text, out var duration))
            Fault(key, $"'{text}' must be {DurationText.Form}");
        else if (duration < least)
            Fault(key, $"'{text}' must be at least {DurationText.Write(least)}");
        else if (duration > ServiceManifest.LongestWait)
            Fault(key, $"'{text}' must be at most {DurationText.Write(ServiceManifest.LongestWait)}");
        else
            return duration;
        return fallback;
    }

    /// <summary>A duration that has its default elsewhere; <c>null</c> where none is given.</summary>
    public TimeSpan? Optional(string key) => Has(key) ? Duration(key, TimeSpan.Zero, TimeSpan.Zero) : null;

    public double Number(string key, double fallback, double least, double most)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        Fault(key, string.Create(CultureInfo.InvariantCulture, $"'{text}' must be a number from {least} to {most}"));
        return fallback;
    }

    /// <summary>A number of bytes, or of K, M or G; <c>null</c> where none is given.</summary>
    public long? Bytes(string key)
    {
        if (Text(key) is not { } text)
            return null;
        var unit = text.Length == 0 ? 0 : text[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        if (long.TryParse(unit > 0 ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= long.MaxValue >> unit)
            return number << unit;
        Fault(key, $"'{text}' must be a number of bytes, or of K, M or G (1024 of the smaller each), such as 10M");
        return null;
    }

    /// <summary>A share of a whole, 0 to 1, written as <c>5%</c>; <c>null</c> where none is given.</summary>
    public double? Share(string key)
    {
        if (Text(key) is not { } text)
            return null;
        if (TryShare(text, out var share))
            return share;
        Fault(key, $"'{text}' must be a share in percent, such as 5%");
        return null;
    }

    /// <summary>Reads <c>12.5%</c> as 0.125.</summary>
    public static bool TryShare(string? text, out double share)
    {
        share = 0;
        if (text is not [.. var number, '%']
            // .NET reads NaN and the infinities, whatever the style.
            || !double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) || !(percent is >= 0 and <= 100))
        {
            return false;
        }

        share = percent / 100;
        return true;
    }

    public T OneOf<T>(string key, IReadOnlyDictionary<string, T> known, T fallback)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (known.TryGetValue(text, out var value))
            return value;
        Fault(key, $"'{text}' is not known; " + Hint(text, [.. known.Keys]));
        return fallback;
    }

    public Section? Child(string key, string[] keys) =>
        nodes.TryGetValue(key, out var node) ? Mapping(node, path + key, keys) : null;

    public IEnumerable<Section> Items(string key, string[] keys)
    {
        if (!nodes.TryGetValue(key, out var node))
            return [];
        if (node is YamlSequenceNode { Children.Count: > 0 } list)
            return [.. list.Select((item, i) => Mapping(item, $"{path}{key}[{i}]", keys)).OfType<Section>()];
        Fault(key, "must be a list with at least one entry, each beginning with '- '");
        return [];
    }

    public bool IsList(string key) => nodes.TryGetValue(key, out var node) && node is YamlSequenceNode;

    /// <summary>A mapping of names to sections, with their lines; <c>null</c> for a name with nothing after it. <paramref name="fault"/> says what is wrong with a name.</summary>
    public IEnumerable<(string Name, Section? Section, int Line)> Named(string key, string[] keys, Func<string, string?> fault)
    {
        if (!nodes.TryGetValue(key, out var node) || IsNull(node))
            return [];
        if (node is YamlMappingNode mapping)
        {
            foreach (var nameNode in mapping.Children.Keys)
            {
                if (fault(NameOf(nameNode)) is { } wrong)
                    Fault(LineOf(nameNode), $"{path}{key}: {wrong}");
            }

            return [.. mapping.Children
                .Select(pair => (Name: NameOf(pair.Key), pair.Value, Line: LineOf(pair.Key)))
                .Select(pair => (pair.Name, IsNull(pair.Value) ? null : Mapping(pair.Value, $"{path}{key}.{pair.Name}", keys), pair.Line))];
        }

        Fault(key, "must be a mapping of names");
        return [];
    }

    public IReadOnlyDictionary<string, string> Variables(string key) => Values(key, (name, _) => VariableFault(name));

    /// <summary>What is wrong with the name of an environment variable; <c>null</c> if nothing is.</summary>
    public static string? VariableFault(string? name) =>
        string.IsNullOrEmpty(name) || name.Contains('=') ? $"'{name}' is no name of an environment variable" : null;

    /// <summary>A mapping of names to values; <paramref name="fault"/> says what is wrong with one of them.</summary>
    public IReadOnlyDictionary<string, string> Values(string key, Func<string?, string?, string?> fault)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (!nodes.TryGetValue(key, out var node) || IsNull(node))
            return values;
        if (node is not YamlMappingNode mapping)
        {
            Fault(key, "must be a mapping of names to values");
            return values;
        }

        foreach (var (nameNode, valueNode) in mapping.Children)
        {
            var name = (nameNode as YamlScalarNode)?.Value;
            var value = Scalar(valueNode, $"{path}{key}.{name}") ?? "";
            if (fault(name, value) is { } wrong)
                Fault(LineOf(nameNode), $"{path}{key}: {wrong}");
            else
                values[name!] = value;
        }

        return values;
    }

    /// <summary>A list of single values; <paramref name="fault"/> says what is wrong with one of them.</summary>
    public IReadOnlyList<string> List(string key, Func<string?, string?> fault)
    {
        if (!nodes.TryGetValue(key, out var node) || IsNull(node))
            return [];
        if (node is not YamlSequenceNode list)
        {
            Fault(key, "must be a list, each entry beginning with '- '");
            return [];
        }

        var values = new List<string>();
        foreach (var (i, item) in list.Children.Index())
        {
            if (Scalar(item, $"{path}{key}[{i}]") is not { } value)
                continue;
            if (fault(value) is { } wrong)
                Fault(LineOf(item), $"{path}{key}[{i}]: {wrong}");
            else
                values.Add(value);
        }

        return values;
    }

    private Section? Mapping(YamlNode node, string name, string[] keys)
    {
        if (node is YamlMappingNode mapping)
            return new Section(mapping, name + ".", keys, environment, errors);
        Fault(LineOf(node), $"{name} must be a mapping of {string.Join(", ", keys)}");
        return null;
    }

    private string? Scalar(YamlNode node, string name)
    {
        if (node is not YamlScalarNode scalar)
        {
            Fault(LineOf(node), $"{name} must be a single value");
            return null;
        }

        var (text, faults) = Interpolation.Fill(IsNull(scalar) ? "" : scalar.Value ?? "", environment);
        foreach (var fault in faults)
            Fault(LineOf(node), $"{name}: {fault}");
        return faults.Count == 0 ? text : null;
    }

    private static bool IsNull(YamlNode node) =>
        node is YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: null or "" or "~" or "null" };

    private static string NameOf(YamlNode key) => (key as YamlScalarNode)?.Value ?? "";
}
