using System.Text.RegularExpressions;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>A tag that may name facts of the container: <c>{{.Name}}</c>, <c>{{.Labels.team}}</c>, <c>{{.Env.REGION}}</c>.</summary>
internal sealed partial class TagTemplate
{
    public const string Rule =
        "{{.ID}}, {{.Name}}, {{.Image}}, {{.Host}}, {{.Config.Hostname}}, {{.Labels.<label>}}, {{index .Config.Labels \"<label>\"}} and {{.Env.<variable>}}";

    private const string LabelPrefix = "Labels.";
    private const string EnvPrefix = "Env.";
    private const string Hostname = "Config.Hostname";

    private readonly string text;

    private TagTemplate(string text) => this.text = text;

    /// <returns>What is wrong with the template, in a sentence; <c>null</c> if nothing is.</returns>
    public static string? TryParse(string text, out TagTemplate template)
    {
        template = new TagTemplate(text);
        var rest = Placeholder().Replace(text, "");
        if (rest.Contains("{{", StringComparison.Ordinal) || rest.Contains("}}", StringComparison.Ordinal))
            return $"'{text}' has a placeholder that is not of the form {{{{.Name}}}}";
        var unknown = Placeholder().Matches(text).Select(Field).FirstOrDefault(field => !IsKnown(field));
        return unknown is null ? null : $"'{{{{.{unknown}}}}}' in '{text}' is no placeholder";
    }

    /// <returns>The tags: one, or where a placeholder is all of the template as many as its fact lists; none if the container lacks a fact that the template names.</returns>
    public IReadOnlyList<string> Expand(ContainerFacts container, string node)
    {
        var complete = true;
        var tag = Placeholder().Replace(text, match =>
        {
            var value = Value(Field(match), container, node);
            complete &= value is not null;
            return value ?? "";
        });
        return !complete || tag.Length == 0 ? []
            : Placeholder().Match(text).Length == text.Length ? TagList.Split(tag)
            : [tag];
    }

    public override string ToString() => text;

    // Registrator's users wrote Go's templates: {{index .Config.Labels "team"}}.
    private static string Field(Match match) =>
        match.Groups["label"] is { Success: true } label ? LabelPrefix + label.Value : match.Groups["field"].Value;

    private static bool IsKnown(string field) =>
        field is "ID" or "Name" or "Image" or "Host" or Hostname
        || (field.StartsWith(LabelPrefix, StringComparison.Ordinal) && field.Length > LabelPrefix.Length)
        || (field.StartsWith(EnvPrefix, StringComparison.Ordinal) && field.Length > EnvPrefix.Length);

    private static string? Value(string field, ContainerFacts container, string node) => field switch
    {
        "ID" => container.Id,
        "Name" => container.Name,
        "Image" => container.Image,
        "Host" => node,
        Hostname => container.Hostname,
        _ when field.StartsWith(LabelPrefix, StringComparison.Ordinal) => container.Labels.GetValueOrDefault(field[LabelPrefix.Length..]),
        _ => Variable(container, field[EnvPrefix.Length..] + "="),
    };

    private static string? Variable(ContainerFacts container, string start) =>
        container.Env.LastOrDefault(variable => variable.StartsWith(start, StringComparison.Ordinal))?[start.Length..];

    [GeneratedRegex(@"\{\{\s*(\.(?<field>[^\s{}]+)|index\s+\.Config\.Labels\s+""(?<label>[^""{}]+)"")\s*\}\}", RegexOptions.ExplicitCapture)]
    private static partial Regex Placeholder();
}
