using System.Text.Json;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Verbs;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>Wrong use is one sentence and exit code 1, before any part of the mesh is asked.</summary>
public sealed class CommandLineTests
{
    private const string Anywhere = "--docker unix:///no/such.sock --consul 127.0.0.1:1";

    [Theory]
    [InlineData("", "Required command was not provided.")]
    [InlineData("deploy /no/such.yaml " + Anywhere, "error: the manifest '/no/such.yaml' cannot be read: ")]
    [InlineData("deploy '' " + Anywhere, "error: the manifest '' cannot be read: ")]
    [InlineData("plan /no/such.yaml " + Anywhere, "error: the manifest '/no/such.yaml' cannot be read: ")]
    [InlineData("deploy x.yaml --check-index x " + Anywhere, "Cannot parse argument 'x' for option '--check-index' as expected type")]
    [InlineData("promote Demo x " + Anywhere, "error: 'Demo' is no service name: 1 to 63 of")]
    [InlineData("promote demo x --strip " + Anywhere, "error: --strip belongs to --route: ")]
    [InlineData("promote demo x --route demo " + Anywhere, "error: route path 'demo' must begin with '/'")]
    [InlineData("promote demo x --deadline 999999h", "--deadline '999999h' must be at most 24h")]
    [InlineData("rollback demo --drain soon", "--drain 'soon' must be a duration such as 500ms, 1s or 1m30s")]
    [InlineData("rollback Demo " + Anywhere, "error: 'Demo' is no service name: 1 to 63 of")]
    [InlineData("rollback demo --docker foo://x", "'foo://x' must be one of unix:///var/run/docker.sock, tcp://10.0.0.9:2376 or ssh://deploy@10.0.0.9")]
    [InlineData("rollback demo --docker http://", "'http://' is no address; one looks like unix:///var/run/docker.sock")]
    [InlineData("rollback demo --docker tcp://me:secret@x", "an address has no password, and a user only for ssh; one looks like ")]
    [InlineData("rollback demo --docker ssh://me:secret@x", "an address has no password, and a user only for ssh; one looks like ")]
    [InlineData("rollback demo --docker ftp://me:secret@x", "an address has no password, and a user only for ssh; one looks like ")]
    [InlineData("rollback demo --docker tcp://me:secret@[", "'[' is no address; one looks like ")]
    [InlineData("rollback demo --consul http://me:secret@[", "'[' is no address; one looks like ")]
    [InlineData("rollback demo --docker tcp://192.0.2.1 --consul 127.0.0.1:1", "error: Docker at tcp://192.0.2.1:2376/ would be reached without TLS")]
    [InlineData("rollback demo --hosts /no/such.yaml", "error: the file of hosts '/no/such.yaml' cannot be read: ")]
    [InlineData("rollback demo --hosts /no/such.yaml --docker x", "error: choose one of --docker, for one host, and --hosts, for a file of hosts")]
    [InlineData("rollback demo --publish nowhere", "error: 'nowhere' is no IP address; --publish (or MESH_PUBLISH) takes one, such as 0.0.0.0")]
    [InlineData("abort demo --deadline soon", "--deadline 'soon' must be a duration such as 500ms, 1s or 1m30s")]
    [InlineData("pause Demo", "error: 'Demo' is no service name: 1 to 63 of")]
    [InlineData("pause demo --limit 1", "--limit '1' must be a duration such as 500ms, 1s or 1m30s")]
    [InlineData("pause demo --limit 1h " + Anywhere, "error: --limit 1h must be 0s to 10m")]
    [InlineData("maintenance demo --retry-after 0 " + Anywhere, "error: --retry-after 0s must be 1s to 24h")]
    [InlineData("maintenance Demo --message @all " + Anywhere, "error: 'Demo' is no service name: 1 to 63 of")]
    [InlineData("scale Demo 2", "error: 'Demo' is no service name: 1 to 63 of")]
    [InlineData("scale demo 0", "error: 0 replicas: it must be 1 to 50")]
    [InlineData("scale demo", "Required argument missing for command: 'scale'.")]
    [InlineData("split demo", "error: which requests? Give --share 10, --header NAME=VALUE or --cookie NAME=VALUE")]
    [InlineData("split demo --share 101", "error: --share 101 must be 0 to 100")]
    [InlineData("split demo --header x", "--header 'x' must be NAME=VALUE")]
    [InlineData("split demo --header X@=1", "--header.name 'X@' must be a token: ")]
    [InlineData("split demo --cookie beta=ä", "--cookie.value 'ä' must be visible ASCII characters and spaces")]
    [InlineData("logs Demo", "error: 'Demo' is no service name: 1 to 63 of")]
    [InlineData("logs demo --tail -1", "--tail must be 0 or more")]
    [InlineData("logs demo --tail x", "Cannot parse argument 'x' for option '--tail' as expected type")]
    [InlineData("lock demo", "Required command was not provided.")]
    [InlineData("init b/A", "error: 'b/A' is no image name; ")]
    [InlineData("completion fish", "Argument 'fish' not recognized. Must be one of:")]
    [InlineData("validate /no/such.yaml", "error: the manifest '/no/such.yaml' cannot be read: ")]
    [InlineData("status '' " + Anywhere, "error: '' is no service name: 1 to 63 of")]
    [InlineData("status --watch '' " + Anywhere, "error: '' is no service name: 1 to 63 of")]
    [InlineData("status --consul ftp://x", "error: Consul's address 'ftp://x/' is no http or https URL.")]
    [InlineData("status --consul", "Required argument missing for option: '--consul'.")]
    public async Task InvokeAsync_WrongUse_IsASentenceAndExitCode1(string line, string sentence)
    {
        var output = new StringWriter();

        var code = await CommandLine.InvokeAsync([.. Words(line)], output, output, TestContext.Current.CancellationToken);

        Assert.Equal((int)ExitCode.WrongInput, code);
        Assert.StartsWith(sentence, output.ToString().TrimStart(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", output.ToString(), StringComparison.Ordinal);
        // What was not understood is told with the way to what can be.
        if (!sentence.StartsWith("error: ", StringComparison.Ordinal))
            Assert.Matches($"See 'deployer (({string.Join('|', Verbs.Select(verb => verb.Data))}) )?--help'\\.\n$", output.ToString());
    }

    [Fact]
    public async Task InvokeAsync_AMessageThatIsTooLong_IsRefusedByTheOptionsName()
    {
        var output = new StringWriter();

        var code = await CommandLine.InvokeAsync(
            ["maintenance", "demo", "--message", new string('x', 1001), .. Anywhere.Split(' ')], output, output, TestContext.Current.CancellationToken);

        Assert.Equal((int)ExitCode.WrongInput, code);
        Assert.Equal("error: --message has 1001 characters, more than 1000", output.ToString().Trim());
    }

    [Fact]
    public async Task InvokeAsync_ValidateOfAFaultyManifest_TellsEachLineInWordsAndAsJson()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "name: demo\nimage: demo\nport: 0\nroutes: [{path: /}]\nreplica: 2\n");
        var (output, error) = (new StringWriter(), new StringWriter());

        var code = await CommandLine.InvokeAsync(["validate", file, "--json"], output, error, TestContext.Current.CancellationToken);
        File.Delete(file);

        Assert.Equal((int)ExitCode.WrongInput, code);
        Assert.StartsWith($"error: {file} is no valid manifest:\n  {file}:3: port: ", error.ToString(), StringComparison.Ordinal);
        Assert.Contains($"\n  {file}:5: unknown key 'replica'", error.ToString(), StringComparison.Ordinal);
        using var document = JsonDocument.Parse(output.ToString());
        Assert.Equal([3, 5], document.RootElement.GetProperty("manifestErrors").EnumerateArray().Select(fault => fault.GetProperty("line").GetInt32()));
    }

    // A pull request is planned where no secrets are.
    [Theory]
    [InlineData("deploy", 1, "error: the secrets of ")]
    [InlineData("plan", 5, "error: Docker at unix:///no/such.sock cannot be reached")]
    public async Task InvokeAsync_ASecretIsNotSet_KeepsDeployAloneFromAsking(string verb, int code, string sentence)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "name: demo\nimage: demo\nport: 80\nroutes: [{path: /}]\nsecrets: {MESH_TESTS_UNSET: }\n");
        var output = new StringWriter();

        var ended = await CommandLine.InvokeAsync([verb, file, "--version", "v1", .. Anywhere.Split(' ')], output, output, TestContext.Current.CancellationToken);
        File.Delete(file);

        Assert.Equal(code, ended);
        Assert.StartsWith(sentence, output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task InvokeAsync_NoSocketAtItsPath_IsToldSo()
    {
        var output = new StringWriter();

        var code = await CommandLine.InvokeAsync(["logs", "demo", "--docker", "unix:///no/such.sock"], output, output, TestContext.Current.CancellationToken);

        Assert.Equal((int)ExitCode.Unreachable, code);
        Assert.StartsWith($"error: Docker at unix:///no/such.sock cannot be reached: there is nothing at that path. {Faults.DockerMend}", output.ToString(), StringComparison.Ordinal);
    }

    // Nothing is reached by them, so that each that were taken would end with another code, or worse.
    [Fact]
    public async Task InvokeAsync_AnEmptyOption_IsRefusedBeforeAnythingIsAsked()
    {
        foreach (var option in MeshOptions.All.Where(option => option.ValueType != typeof(bool)))
        {
            var output = new StringWriter();
            string[] others = [.. Anywhere.Split(' ').Chunk(2).Where(pair => pair[0] != option.Name && (option.Name, pair[0]) != ("--hosts", "--docker")).SelectMany(pair => pair)];

            var code = await CommandLine.InvokeAsync(["pause", "demo", option.Name, "", .. others], output, output, TestContext.Current.CancellationToken);

            Assert.True(code == (int)ExitCode.WrongInput, $"{option.Name} '': {code}, {output}");
        }
    }

    [Theory]
    [InlineData("ssh://deploy@prod", "ssh://deploy@prod")]
    [InlineData("tcp://prod", "tcp://prod:2376")]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Settings_DockerHostOfTheEnvironment_IsReadAsTheOption(string? variable, string? address)
    {
        var hosts = MeshOptions.Settings(CommandLine.Root().Parse("status"), name => name == "DOCKER_HOST" ? variable : null).Hosts;

        Assert.Equal(address is null ? null : new Uri(address), Assert.Single(hosts.Production).Address);
        Assert.Equal(hosts.Production[0], hosts.Tests);
    }

    [Fact]
    public void Settings_DockerHostBesideAFileOfHosts_IsWhereTestsRunThatItNamesNoHostFor()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "hosts: {prod: {docker: \"tcp://prod\"}}");

        var hosts = MeshOptions.Settings(CommandLine.Root().Parse(["status", "--hosts", file]), name => name == "DOCKER_HOST" ? "ssh://ci@tests" : null).Hosts;
        File.Delete(file);

        Assert.Equal([new Uri("tcp://prod:2376"), new Uri("ssh://ci@tests")], hosts.Production.Append(hosts.Tests).Select(host => host.Address));
    }

    [Theory]
    [InlineData("tcp://me:secret@127.0.0.1:1", "DOCKER_HOST: an address has no password, and a user only for ssh; one looks like ")]
    [InlineData("me:secret@[", "DOCKER_HOST: '[' is no address; one looks like ")]
    [InlineData("npipe://x", "DOCKER_HOST: 'npipe://x' must be one of ")]
    public void Settings_DockerHostThatIsNone_IsRefusedWithoutItsPassword(string variable, string sentence)
    {
        var error = Assert.Throws<DeliveryException>(() => MeshOptions.Settings(CommandLine.Root().Parse("status"), name => name == "DOCKER_HOST" ? variable : null));

        Assert.Equal(ExitCode.WrongInput, error.Code);
        Assert.StartsWith(sentence, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
        // What is said on the command line counts.
        Assert.Equal(new Uri("unix:///d.sock"), MeshOptions.Settings(CommandLine.Root().Parse("status --docker unix:///d.sock"), name => name == "DOCKER_HOST" ? variable : null).Hosts.Tests.Address);
    }

    // Of each verb a line that it refuses: one that is not understood, one whose input is wrong, and one with nothing to reach.
    public static TheoryData<string> Refused { get; } =
    [
        "plan", "plan /no/such.yaml",
        "deploy", "deploy /no/such.yaml",
        "promote demo", "promote Demo x", $"promote demo x {Anywhere}",
        "rollback", "rollback Demo", $"rollback demo {Anywhere}",
        "scale demo x", "scale demo 0", $"scale demo 2 {Anywhere}",
        "split demo --share x", "split demo", $"split demo --share 10 {Anywhere}",
        "abort", "abort Demo", $"abort demo {Anywhere}",
        "pause demo --limit x", "pause Demo", $"pause demo {Anywhere}",
        "resume", "resume Demo", $"resume demo {Anywhere}",
        "maintenance --retry-after x demo", "maintenance Demo", $"maintenance demo {Anywhere}",
        "status demo x", "status ''", "status --consul ftp://x", $"status demo {Anywhere}", $"status --watch {Anywhere}",
        "logs demo --tail x", "logs Demo", $"logs demo --follow {Anywhere}",
        "history", "history Demo", $"history demo {Anywhere}",
        "lock", "lock status", "lock status Demo", $"lock status demo {Anywhere}", "lock release", "lock release Demo", $"lock release demo {Anywhere}",
        "validate", "validate /no/such.yaml",
        "init", "init b/A", $"init demo:v1 --file /no/such/file {Anywhere}",
        "schema x", "completion fish", "",
    ];

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task InvokeAsync_RefusedWithJson_IsOneDocumentInOneLine(string line)
    {
        var (output, error) = (new StringWriter(), new StringWriter());

        var code = await CommandLine.InvokeAsync([.. Words(line), "--json"], output, error, TestContext.Current.CancellationToken);

        Assert.NotEqual(0, code);
        using var document = JsonDocument.Parse(Assert.Single(output.ToString().TrimEnd('\n').Split('\n')));
        Assert.Equal(code, document.RootElement.GetProperty("exitCode").GetInt32());
        Assert.NotEmpty(document.RootElement.GetProperty("error").GetString()!);
        Assert.Contains("error: " + document.RootElement.GetProperty("error").GetString(), error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_OfEachVerb_HasALine() =>
        Assert.All(CommandLine.Root().Subcommands, verb => Assert.Contains(Refused, line => line.Data.Split(' ')[0] == verb.Name));

    public static TheoryData<string> Verbs { get; } = [.. CommandLine.Root().Subcommands.SelectMany(verb => verb.Subcommands.Select(sub => $"{verb.Name} {sub.Name}").Prepend(verb.Name))];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task InvokeAsync_Help_HasAnExampleAndTheExitCodes(string verb)
    {
        var output = new StringWriter();

        var code = await CommandLine.InvokeAsync([.. verb.Split(' '), "--help"], output, output, TestContext.Current.CancellationToken);

        Assert.Equal(0, code);
        Assert.Contains($"deployer {verb} ", output.ToString().Split("Examples:")[1], StringComparison.Ordinal);
        Assert.Contains(ExitCodes.Help, output.ToString(), StringComparison.Ordinal);
    }

    // Help writes the completions of an argument that has no name for it, and so would ask Consul, and wait for it.
    [Fact]
    public void Root_ArgumentThatConsulCompletes_HasItsOwnNameInHelp()
    {
        var services = CommandLine.Root().Subcommands.SelectMany(verb => verb.Subcommands.Append(verb)).SelectMany(verb => verb.Arguments)
            .Where(argument => argument.Name == "service").ToList();

        Assert.NotEmpty(services);
        Assert.All(services, argument => Assert.Equal("service", argument.HelpName));
    }

    [Theory]
    [InlineData("deployer roll", "rollback")]
    [InlineData("deployer lock s", "status")]
    [InlineData("deployer rollback demo --t", "--to")]
    [InlineData("deployer abort demo --d", "--deadline")]
    [InlineData("deployer completion ", "zsh")]
    public async Task InvokeAsync_Suggest_CompletesVerbsAndOptions(string line, string word)
    {
        var output = new StringWriter();

        await CommandLine.InvokeAsync([$"[suggest:{line.Length}]", line], output, output, TestContext.Current.CancellationToken);

        Assert.Contains(word, output.ToString().Split(Environment.NewLine));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    public async Task InvokeAsync_Completion_IsAScriptThatAsksTheDeployer(string shell)
    {
        var output = new StringWriter();

        var code = await CommandLine.InvokeAsync(["completion", shell], output, output, TestContext.Current.CancellationToken);

        Assert.Equal(0, code);
        Assert.Contains("[suggest:", output.ToString(), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Trim('\''));
}
