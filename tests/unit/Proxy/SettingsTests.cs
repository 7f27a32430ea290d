using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
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

    [Fact]
    public async Task RunAsync_AValueThatBeginsWithAnAt_IsTakenAsItIs()
    {
        IReadOnlyDictionary<string, string?>? given = null;

        Assert.Equal(0, await ProxyCommand.RunAsync(["--admin-token", "@secret"], settings => Task.FromResult((given = settings) is null ? 1 : 0)));

        Assert.Equal("@secret", given!["AdminToken"]);
    }

    // As many days, where a number stands alone or for the hours of more than a day.
    [Theory]
    [InlineData("30", "30.00:00:00")]
    [InlineData("24:00:00", "24.00:00:00")]
    [InlineData("01:00:01", "01:00:01")]
    [InlineData("-00:00:01", "-00:00:01")]
    public void Build_ADrainLimitThatCannotBeMeant_TellsWhatItWouldBe(string text, string read)
    {
        var error = Assert.Throws<OptionsValidationException>(() => Build(text));

        Assert.Equal([$"drainLimit {read} must be 0 to an hour, such as 00:00:30 (--drain-limit or PROXY_DRAIN_LIMIT)"], error.Failures);
    }

    [Theory]
    [InlineData("30s")]
    [InlineData("1m30s")]
    [InlineData("PT30S")]
    [InlineData("00:00:61")]
    [InlineData("half a minute")]
    public void Build_ADrainLimitThatIsNoTime_TellsTheSettingAndHowItIsWritten(string text)
    {
        var error = Assert.Throws<InvalidOperationException>(() => Build(text));

        Assert.Contains($"'{text}' at 'Proxy:DrainLimit'", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(" A time is written hh:mm:ss, such as 00:00:30.", error.Message, StringComparison.Ordinal);
    }

    private static void Build(string drainLimit) => ProxyApplication.Build(new Dictionary<string, string?>(StringComparer.Ordinal) { ["DrainLimit"] = drainLimit });

    [GeneratedRegex(@"^\| `(?<name>--[a-z0-9-]+)` \| (?<default>[^|]*) \| (?<meaning>.*)\. \|$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Row();
}
