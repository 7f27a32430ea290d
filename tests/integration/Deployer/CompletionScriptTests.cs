using System.Diagnostics;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>The scripts of <c>deployer completion</c>, in the shells that they are for.</summary>
public sealed class CompletionScriptTests : IDisposable
{
    // What a shell does where somebody presses Tab at the end of a line.
    private const string Bash = """
        source <(deployer completion bash)
        read -ra COMP_WORDS <<<"$1"
        [[ $1 != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
        _deployer
        printf '%s ' "${COMPREPLY[@]}"
        """;

    private const string Zsh = """
        compdef() { :; }
        compadd() { print -rn -- "${(Pj: :)2} "; }
        _files() { :; }
        source <(deployer completion zsh)
        words=("${(@s: :)1}") CURRENT=${#words}
        _deployer
        """;

    private readonly DirectoryInfo bin = Directory.CreateTempSubdirectory("mesh-completion-");

    public CompletionScriptTests()
    {
        var command = Path.Combine(bin.FullName, "deployer");
        File.WriteAllText(command, $"#!/bin/sh\nexec dotnet {DeployerProcess.Program} \"$@\"\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(command, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    public void Dispose() => bin.Delete(recursive: true);

    public static TheoryData<string, string> Lines { get; } = new()
    {
        { "deployer roll", "rollback" },
        { "deployer lock s", "status" },
        { "deployer completion ", "bash zsh" },
        { "deployer rollback demo --t", "--to" },
        { "deployer deploy service.yaml --check", "--check-digest --check-index" },
        { "deployer nosuch", "" },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Bash_Tab_CompletesTheWord(string line, string words) => Assert.Equal(words, await RunAsync("bash", "--norc", Bash, line));

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Zsh_Tab_CompletesTheWord(string line, string words)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(path => File.Exists(Path.Combine(path, "zsh"))), "there is no zsh on this machine");
        // It has all that begins otherwise sorted out by its own compadd.
        Assert.Superset(words.Split(' ').ToHashSet(StringComparer.Ordinal), (await RunAsync("zsh", "--no-rcs", Zsh, line)).Split(' ').Append("").ToHashSet(StringComparer.Ordinal));
    }

    private async Task<string> RunAsync(string shell, string option, string script, string line)
    {
        var start = new ProcessStartInfo(shell, [option, "-c", script, shell, line]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        start.Environment["PATH"] = $"{bin.FullName}:{start.Environment["PATH"]}";
        using var process = Process.Start(start)!;
        var (told, fault) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", await fault);
        return string.Join(' ', (await told).Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }
}
