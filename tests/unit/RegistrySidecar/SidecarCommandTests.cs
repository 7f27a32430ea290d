using ServiceMesh.RegistrySidecar.Settings;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>What the command line says, and what of it reaches the sidecar.</summary>
public sealed class SidecarCommandTests
{
    private readonly List<string> ran = [];
    private readonly List<string> refused = [];
    private readonly SidecarCommand command;
    private CommandLineInput? given;

    public SidecarCommandTests() => command = new SidecarCommand((input, _) => Ran("sidecar", input), (input, json, _) => Ran(json ? "list as JSON" : "list", input));

    [Theory]
    [InlineData("--help")]
    [InlineData("list --help")]
    public async Task Help_EverySetting_IsThereWithItsMeaning(string arguments)
    {
        var output = new StringWriter();

        Assert.Equal(0, await command.InvokeAsync(arguments.Split(' '), _ => 1, output));

        Assert.Empty(ran);
        // It is broken into lines where there is no room.
        var help = string.Concat(output.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

        Assert.All(SidecarSettings.All, setting =>
        {
            Assert.Contains("--" + setting.Name, help, StringComparison.Ordinal);
            Assert.Contains(setting.Help.Replace(" ", "", StringComparison.Ordinal), help, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("", "sidecar", "")]
    [InlineData("--internal --explicit=false --ip 10.0.0.9", "sidecar", "explicit=false internal=true ip=10.0.0.9")]
    [InlineData("--retry-attempts -1", "sidecar", "retry-attempts=-1")]
    [InlineData("--node @h1", "sidecar", "node=@h1")]
    [InlineData("list --json --node h1", "list as JSON", "node=h1")]
    [InlineData("--node h1 list", "list", "node=h1")]
    public async Task Invoke_Options_ReachTheVerb(string arguments, string verb, string values)
    {
        Assert.Equal(0, await InvokeAsync(arguments));

        Assert.Equal([verb], ran);
        Assert.Empty(refused);
        Assert.Equal(values, string.Join(' ', given!.Values.OrderBy(value => value.Key, StringComparer.Ordinal).Select(value => $"{value.Key}={value.Value}")));
    }

    [Theory]
    [InlineData("--resinc 5s", "--resinc", "5s")]
    [InlineData("--ip", "--ip")]
    [InlineData("lst", "lst")]
    [InlineData("--bad --worse --ip 10.0.0.9", "--bad", "--worse")]
    public async Task Invoke_WhatThereIsNot_IsRefusedByNameAndNothingRuns(string arguments, params string[] named)
    {
        Assert.Equal(1, await InvokeAsync(arguments));

        Assert.Empty(ran);
        Assert.All(named, name => Assert.Contains(refused, error => error.Contains(name, StringComparison.Ordinal)));
        Assert.All(refused, error => Assert.EndsWith("--help lists all options.", error, StringComparison.Ordinal));
    }

    private Task<int> Ran(string verb, CommandLineInput input)
    {
        ran.Add(verb);
        given = input;
        return Task.FromResult(0);
    }

    private Task<int> InvokeAsync(string arguments) => command.InvokeAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), input =>
    {
        refused.AddRange(input.Errors);
        return 1;
    });
}
