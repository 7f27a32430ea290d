using System.CommandLine;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer completion bash</c></summary>
internal static class CompletionVerb
{
    // Both ask the deployer itself, by the directive that System.CommandLine answers. Options only where one is begun,
    // so that a file's name can be completed in all other places.
    private const string Bash = """
        # bash completion of deployer: source <(deployer completion bash)
        _deployer() {
          local word=${COMP_WORDS[COMP_CWORD]} words
          words=$("${COMP_WORDS[0]}" "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)
          [[ $word == -* ]] || words=$(grep -v '^[-/]' <<<"$words")
          mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        }
        complete -o default -F _deployer deployer

        """;

    private const string Zsh = """
        #compdef deployer
        # zsh completion of deployer: source <(deployer completion zsh)
        _deployer() {
          local line="${words[1,CURRENT]}"
          local -a found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
          [[ ${words[CURRENT]} == -* ]] || found=("${(@)found:#[-/]*}")
          found=("${(@)found:#}")
          (($#found)) && compadd -a found
          _files
        }
        compdef _deployer deployer

        """;

    private static readonly Argument<string> Shell = new("shell") { Description = "bash or zsh" };

    static CompletionVerb() => Shell.AcceptOnlyFromAmong("bash", "zsh");

    public static Command Create()
    {
        var command = new VerbCommand(
            "completion",
            "Prints a script by which a shell completes the deployer's words.",
            "source <(deployer completion bash)")
        {
            Shell,
        };
        command.SetAction(parse =>
        {
            parse.InvocationConfiguration.Output.Write(parse.GetRequiredValue(Shell) == "zsh" ? Zsh : Bash);
            return ToldCode.Of(parse.InvocationConfiguration.Output);
        });
        return command;
    }
}
