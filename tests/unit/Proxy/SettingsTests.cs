using System.Text.RegularExpressions;
using ServiceMesh.Proxy;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed partial class SettingsTests
{
    [Fact]
    public async Task Readme_ItsTable_NamesEachSettingWithItsDefaultAndMeaning()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "proxy-README.md"), TestContext.Current.CancellationToken);
        var table = readme[readme.IndexOf("## Settings", StringComparison.Ordinal)..];

        Assert.Equal(
            ProxyCommand.Settings.Select(setting => (setting.Option.Name, setting.Option.Description)),
            Row().Matches(table).Select(row => (row.Groups["name"].Value, (string?)$"{row.Groups["meaning"].Value} ({row.Groups["default"].Value}).")));
    }

    [GeneratedRegex(@"^\| `(?<name>--[a-z0-9-]+)` \| (?<default>[^|]*) \| (?<meaning>.*)\. \|$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Row();
}
