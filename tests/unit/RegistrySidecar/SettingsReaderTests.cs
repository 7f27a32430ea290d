using Consul;
using Microsoft.Extensions.Configuration;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class SettingsReaderTests
{
    private const string NoAddress = "give an IP address, not 0.0.0.0 or ::, or a host name, without a port";

    [Fact]
    public void Read_NothingGiven_IsTheDefaultOfTheReadmesTable()
    {
        var defaults = (from line in Readme.Lines
                        let cells = line.Split(" | ")
                        where line.StartsWith("| `--", StringComparison.Ordinal) && cells[1].StartsWith('`') && cells[1].IndexOf('`', 1) == cells[1].Length - 1
                        select (Name: cells[0].Trim('|', ' ', '`', '-'), Value: cells[1].Trim('`')))
            .ToDictionary(row => row.Name, row => row.Value);

        var read = Read(defaults);

        Assert.Equal(13, defaults.Count);
        Assert.Empty(read.Errors);
        Assert.Equal(Read().Options, read.Options);
    }

    [Fact]
    public void Read_SeveralSources_CommandLineBeatsEnvironmentBeatsFile()
    {
        var read = Read(
            new() { ["node"] = "from-command" },
            new() { ["NODE"] = "from-environment", ["RESYNC"] = "10s" },
            new() { ["Sidecar:Node"] = "from-file", ["Sidecar:Resync"] = "20s", ["Sidecar:UseIpFromLabel"] = "ip" });

        Assert.Empty(read.Errors);
        Assert.Equal("from-command", read.Options.Node);
        Assert.Equal(TimeSpan.FromSeconds(10), read.Options.Resync);
        Assert.Equal("ip", read.Options.UseIpFromLabel);
    }

    [Fact]
    public void Read_EverySettingByEnvironment_IsTaken()
    {
        var variables = new Dictionary<string, string?>
        {
            ["IP"] = "10.0.0.1",
            ["INTERNAL"] = "true",
            ["NETWORK"] = "n",
            ["EXPLICIT"] = "1",
            ["USE_IP_FROM_LABEL"] = "l",
            ["TAGS"] = "a,{{.Name}}",
            ["DEREGISTER"] = "on-success",
            ["NODE"] = "h",
            ["FORMER_NODES"] = "g,f",
            ["ENVIRONMENT"] = "e",
            ["RESYNC"] = "5s",
            ["CLEANUP_GRACE"] = "0s",
            ["ENABLE_SCRIPT_CHECKS"] = "yes",
            ["DEFAULT_CHECK"] = "none",
            ["ON_EXIT"] = "deregister",
            ["DOCKER_HOST"] = "unix:///d.sock",
            ["CONSUL_HTTP_ADDR"] = "consul:8500",
            ["RETRY_ATTEMPTS"] = "7",
            ["STATUS_PORT"] = "8001",
            ["STATUS_ADDRESS"] = "0.0.0.0",
            ["LOG_FORMAT"] = "json",
        };
        var read = Read(environment: variables);

        Assert.Equal(SidecarSettings.All.Count, variables.Count);
        Assert.Empty(read.Errors);
        Assert.Equal(["a", "{{.Name}}"], read.Options.Tags.Select(tag => tag.ToString()));
        Assert.Equal(["g", "f"], read.Options.FormerNodes);
        Assert.Equal(
            new SidecarOptions
            {
                Ip = "10.0.0.1",
                Internal = true,
                Network = "n",
                Explicit = true,
                UseIpFromLabel = "l",
                Tags = read.Options.Tags,
                Deregister = DeregisterPolicy.OnSuccess,
                Node = "h",
                FormerNodes = read.Options.FormerNodes,
                Environment = "e",
                Resync = TimeSpan.FromSeconds(5),
                CleanupGrace = TimeSpan.Zero,
                EnableScriptChecks = true,
                DefaultCheck = DefaultCheck.None,
                OnExit = OnExit.Deregister,
                DockerHost = new Uri("unix:///d.sock"),
                ConsulAddress = new Uri("http://consul:8500"),
                RetryAttempts = 7,
                StatusPort = 8001,
                StatusAddress = System.Net.IPAddress.Any,
                LogFormat = LogFormat.Json,
            },
            read.Options);
    }

    [Fact]
    public void Read_ManyErrors_ListsAllByNameWithTheMend()
    {
        var read = Read(
            new() { ["deregister"] = "sometimes", ["ip"] = "" },
            new() { ["RESYNK"] = "1s", ["RESYNC"] = "abc" },
            new() { ["Sidecar:Tags"] = "{{.Nope}}", ["Sidecar:Tag:0"] = "x" });

        Assert.Equal(
            [
                "--deregister cannot be 'sometimes': give always, on-success or never.",
                "--ip cannot be '': it is empty; leave it out or give a value.",
                "SIDECAR_RESYNC cannot be 'abc': give a duration such as 500ms, 1s or 1m30s, 1s at the least and 24h at the most.",
                "SIDECAR_RESYNK is no setting; --help lists them all.",
                $"Sidecar:Tag in appsettings.json is no setting; --help lists them all.",
                "Sidecar:Tags in appsettings.json cannot be '{{.Nope}}': '{{.Nope}}' in '{{.Nope}}' is no placeholder; there are "
                    + "{{.ID}}, {{.Name}}, {{.Image}}, {{.Host}}, {{.Config.Hostname}}, {{.Labels.<label>}}, {{index .Config.Labels \"<label>\"}} and {{.Env.<variable>}}.",
            ],
            read.Errors.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("status-port", "65536", "give a port number from 1 to 65535, or 0 for none")]
    [InlineData("status-port", "-1", "give a port number from 1 to 65535, or 0 for none")]
    [InlineData("status-address", "localhost", "give an IP address")]
    [InlineData("log-format", "xml", "give text or json")]
    [InlineData("internal", "maybe", "give true or false")]
    [InlineData("docker-host", "nonsense", "give unix:///path or tcp://host:port")]
    [InlineData("consul-http-addr", "ftp://x", "give http://host:port or https://host:port; a Unix socket cannot be used")]
    [InlineData("consul-http-addr", "unix:///consul.sock", "give http://host:port or https://host:port; a Unix socket cannot be used")]
    [InlineData("retry-attempts", "-2", "give a whole number, or -1 for ever")]
    [InlineData("ip", "[::1]:80", NoAddress)]
    [InlineData("ip", "10.0.0.1:80", NoAddress)]
    [InlineData("ip", "a b", NoAddress)]
    [InlineData("ip", "0.0.0.0", NoAddress)]
    [InlineData("ip", "::", NoAddress)]
    [InlineData("ip", "[::]", NoAddress)]
    [InlineData("ip", "10.0.0", NoAddress)]
    [InlineData("ip", "10.0.0.010", NoAddress)]
    [InlineData("ip", "10.0.0.256", NoAddress)]
    [InlineData("ip", "0x0a.0.0.1", NoAddress)]
    [InlineData("node", "a\tb", "give letters, digits and punctuation without a slash, 512 bytes at the most")]
    [InlineData("node", "a/b", "give letters, digits and punctuation without a slash, 512 bytes at the most")]
    public void Read_ValueOfTheWrongKind_SaysWhatWouldBeRight(string name, string value, string mend)
    {
        Assert.Equal([$"--{name} cannot be '{ForeignText.Shown(value)}': {mend}."], Read(new() { [name] = value }).Errors);
    }

    [Theory]
    [InlineData("Logging:LogLevel:Default", "Loud", 1)]
    [InlineData("Logging:Console:LogLevel:ServiceMesh", "Loud", 1)]
    [InlineData("Logging:LogLevel:Default", "debug", 0)]
    [InlineData("Logging:LogLevel:Default", "", 0)]
    [InlineData("Logging:Console:FormatterName", "Loud", 0)]
    public void Read_LogLevelThatIsNone_IsAnError(string key, string value, int errors)
    {
        var read = Read(file: new() { [key] = value });

        Assert.Equal(errors, read.Errors.Count);
        Assert.All(read.Errors, error => Assert.Equal($"{key} in appsettings.json cannot be 'Loud': give Trace, Debug, Information, Warning, Error, Critical, None.", error));
    }

    [Theory]
    [InlineData("Logging:Console:LogToStandardErrorThreshold", "Loud")]
    [InlineData("Logging:Console:FormatterOptions:IncludeScopes", "maybe")]
    [InlineData("Logging:Console:MaxQueueLength", "-")]
    public void Read_LoggingThatCannotBeUsed_IsAnErrorThatNamesTheKey(string key, string value)
    {
        var errors = Read(new() { ["resync"] = "soon" }, file: new() { [key] = value }).Errors;

        Assert.Equal(2, errors.Count);
        Assert.Matches($"^The section Logging in appsettings.json cannot be used: .*{key[(key.LastIndexOf(':') + 1)..]}", errors[1]);
    }

    [Theory]
    [InlineData("Sidecar")]
    [InlineData("Logging")]
    public void Read_SectionThatIsAValue_IsAnError(string section) =>
        Assert.Equal([$$"""{{section}} in appsettings.json must be a section: { … }."""], Read(file: new() { [section] = "x" }).Errors);

    [Fact]
    public void Read_SeveralWrongTags_NamesEach()
    {
        var error = Assert.Single(Read(new() { ["tags"] = "{{.One}},good,{{.Two}}" }).Errors);

        Assert.Contains("'{{.One}}' is no placeholder", error, StringComparison.Ordinal);
        Assert.Contains("'{{.Two}}' is no placeholder", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.9", "10.0.0.9")]
    [InlineData("fd00::7", "fd00::7")]
    [InlineData("[fd00::7]", "fd00::7")]
    [InlineData("host.example.com", "host.example.com")]
    [InlineData("10host", "10host")]
    public void Read_Ip_IsRegisteredWithoutBrackets(string value, string address) => Assert.Equal(address, Read(new() { ["ip"] = value }).Options.Ip);

    [Theory]
    [InlineData("consul", null, "http://consul:8500/")]
    [InlineData("consul:80", null, "http://consul:80/")]
    [InlineData("http://consul", null, "http://consul:8500/")]
    [InlineData("https://consul:443/api", null, "https://consul:443/api")]
    [InlineData("[::1]:8501", null, "http://[::1]:8501/")]
    [InlineData("http://[0:0:0:0:0:0:0:1]:8501/x:80", null, "http://[::1]:8501/x:80")]
    [InlineData("[0:0:0:0:0:0:0:1]", null, "http://[::1]:8500/")]
    [InlineData("consul_1:080", null, "http://consul_1:80/")]
    [InlineData("http://consul:", null, "http://consul:8500/")]
    [InlineData("http://user:80@consul", null, "http://user:80@consul:8500/")]
    [InlineData("consul", "true", "https://consul:8500/")]
    [InlineData("consul:8501", "1", "https://consul:8501/")]
    [InlineData("http://consul", "false", "http://consul:8500/")]
    [InlineData(null, "true", "https://from-environment:8500/")]
    public void Read_ConsulAddress_MeansWhatTheVariableMeans(string? value, string? ssl, string address)
    {
        string? Variable(string name) => name == "CONSUL_HTTP_SSL" ? ssl : name == "CONSUL_HTTP_ADDR" ? value ?? "from-environment" : null;
        var option = value is null ? null : Read(new() { ["consul-http-addr"] = value }).Options.ConsulAddress;

        var byVariable = new ConsulClientConfiguration(Variable).Address;
        Assert.Equal(new Uri(address), ConsulAddress.Of(option, new Uri(ssl == "true" ? "https://from-environment:8500" : "http://from-environment:8500"), ssl));
        Assert.Equal(new Uri(address), byVariable);
    }

    [Fact]
    public void All_EverySetting_IsInTheReadmeWithItsName()
    {
        Assert.All(SidecarSettings.All, setting => Assert.Contains(Readme.Lines, line => line.StartsWith($"| `--{setting.Name}` |", StringComparison.Ordinal)));
    }

    private static SidecarSettingsRead Read(
        Dictionary<string, string>? commandLine = null, Dictionary<string, string?>? environment = null, Dictionary<string, string?>? file = null) =>
        SettingsReader.Read(new CommandLineInput(commandLine ?? [], []), Configuration(environment), Configuration(file));

    private static IConfigurationRoot Configuration(Dictionary<string, string?>? values) =>
        new ConfigurationBuilder().AddInMemoryCollection(values ?? []).Build();
}
