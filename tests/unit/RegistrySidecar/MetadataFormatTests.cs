using ServiceMesh.RegistrySidecar.Registration;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class MetadataFormatTests
{
    [Theory]
    [InlineData("")]
    [InlineData("a", "a")]
    [InlineData("foo\\,bar", "foo,bar")]
    [InlineData(",,,,foo,,,bar,,,", "foo", "bar")]
    [InlineData(",,\\,,", ",")]
    [InlineData("\\,foobar\\,", ",foobar,")]
    [InlineData(" a , b ,a", "a", "b")]
    [InlineData("a\\b", "a\\b")]
    public void TagListSplit_Text_GivesTags(string text, params string[] tags) => Assert.Equal(tags, TagList.Split(text));

    [Theory]
    [InlineData("redis", "redis")]
    [InlineData("progrium/redis", "redis")]
    [InlineData("reg:5000/a/b:1", "b")]
    [InlineData("img@sha256:0123", "img")]
    [InlineData("reg:5000/a/img:2@sha256:0123", "img")]
    [InlineData("", "")]
    public void ServiceNameOf_Image_IsItsLastPathPart(string image, string name) => Assert.Equal(name, ImageName.ServiceNameOf(image));

    [Theory]
    [InlineData("a  b", "a", "b")]
    [InlineData("'a b' \"c d\"", "a b", "c d")]
    [InlineData("a\\ b", "a b")]
    [InlineData("\"a\\\"b\" ''", "a\"b", "")]
    [InlineData("'a\\b'", "a\\b")]
    [InlineData("a'b'c", "abc")]
    [InlineData("a \\\n b", "a", "b")]
    [InlineData("a\\\nb \"c\\\nd\" 'e\\\nf'", "ab", "cd", "e\\\nf")]
    public void ShellWordsSplit_Command_IsSplit(string command, params string[] words) => Assert.Equal(words, ShellWords.Split(command));

    [Theory]
    [InlineData("'a")]
    [InlineData("\"a")]
    [InlineData("a\\")]
    [InlineData("  ")]
    public void ShellWordsSplit_OpenQuoteOrNothing_IsRefused(string command) => Assert.Null(ShellWords.Split(command));

    [Theory]
    [InlineData("{{.Nope}}", "'{{.Nope}}' in")]
    [InlineData("{{.Name", "form {{.Name}}")]
    [InlineData("{{ if }}", "form {{.Name}}")]
    [InlineData("{{.Labels.}}", "'{{.Labels.}}' in")]
    [InlineData("{{.Config.Image}}", "'{{.Config.Image}}' in")]
    [InlineData("{{index .Config.Labels}}", "form {{.Name}}")]
    public void TagTemplateTryParse_UnknownPlaceholder_IsNamed(string text, string said) =>
        Assert.Contains(said, TagTemplate.TryParse(text, out _), StringComparison.Ordinal);

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("{{.Name}}-{{ .Host }}", "web-h1")]
    [InlineData("{{.Labels.com.example.team}}", "{{.Name}}")]
    [InlineData("{{.Env.MISSING}}", null)]
    [InlineData("{{.Config.Hostname}}", "inside")]
    [InlineData("on-{{index .Config.Labels \"com.example.team\"}}", "on-{{.Name}}")]
    [InlineData("{{ index  .Config.Labels \"missing\" }}", null)]
    public void TagTemplateExpand_Facts_AreInserted(string text, string? tag)
    {
        var container = Given.Container("nginx", "web", [], labels: new Dictionary<string, string> { ["com.example.team"] = "{{.Name}}" }) with
        {
            Hostname = "inside",
        };

        Assert.Null(TagTemplate.TryParse(text, out var template));
        Assert.Equal(tag is null ? [] : [tag], template.Expand(container, "h1"));
    }

    [Fact]
    public void TagTemplateExpand_LabelThatNamesItself_IsInsertedOnce()
    {
        var bomb = string.Concat(Enumerable.Repeat("{{.Labels.bomb}}", 4096));
        var container = Given.Container("nginx", "web", [], labels: new Dictionary<string, string> { ["bomb"] = bomb });

        Assert.Null(TagTemplate.TryParse("{{.Labels.bomb}}", out var template));

        Assert.Equal([bomb], template.Expand(container, "h1"));
    }
}
