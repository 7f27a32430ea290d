using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>The options that every verb has.</summary>
internal static class MeshOptions
{
    public static Option<Uri?> Consul { get; } = new("--consul")
    {
        Description = "Consul's HTTP address [CONSUL_HTTP_ADDR, http://127.0.0.1:8500]",
        HelpName = "url",
        CustomParser = result => ConsulAddress(result),
        Recursive = true,
    };

    public static Option<Uri?> Docker { get; } = new("--docker")
    {
        Description = "the address of the one Docker host, instead of a file of hosts [DOCKER_HOST, the local socket]",
        HelpName = "url",
        CustomParser = DockerAddress,
        Recursive = true,
    };

    public static Option<string?> Hosts { get; } = new("--hosts")
    {
        Description = "the YAML file that names the Docker hosts [MESH_HOSTS]",
        HelpName = "file",
        Recursive = true,
    };

    public static Option<bool> AllowDegraded { get; } = new("--allow-degraded")
    {
        Description = "go on without Docker hosts that do not answer",
        Recursive = true,
    };

    public static Option<bool> Insecure { get; } = new("--insecure")
    {
        Description = "reach Docker over a network without TLS",
        Recursive = true,
    };

    public static Option<string?> Environment { get; } = new("--environment")
    {
        Description = "the name that tells meshes on one Docker host apart [MESH_ENVIRONMENT, mesh]",
        HelpName = "name",
        Recursive = true,
    };

    public static Option<string?> Publish { get; } = new("--publish")
    {
        Description = "the host's IP address on which container ports are published [MESH_PUBLISH, 0.0.0.0]",
        HelpName = "ip",
        Recursive = true,
    };

    public static Option<string?> ProxyService { get; } = new("--proxy-service")
    {
        Description = "the name under which the proxies are registered [MESH_PROXY_SERVICE, proxy]",
        HelpName = "name",
        Recursive = true,
    };

    public static Option<TimeSpan?> Wait { get; } = RecursiveDuration("--wait", "how long to wait for a service's lock that another holds", TimeSpan.Zero);

    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "one JSON document on stdout, progress on stderr",
        Recursive = true,
    };

    public static IEnumerable<Option> All => [Consul, Docker, Hosts, AllowDegraded, Insecure, Environment, Publish, ProxyService, Wait, Json];

    public static DeliverySettings Settings(ParseResult parse) => Settings(parse, System.Environment.GetEnvironmentVariable);

    public static DeliverySettings Settings(ParseResult parse, Func<string, string?> environment)
    {
        var publish = Text(Publish, "MESH_PUBLISH") ?? "0.0.0.0";
        if (!IPAddress.TryParse(publish, out _))
            throw new DeliveryException(ExitCode.WrongInput, $"'{publish}' is no IP address; --publish (or MESH_PUBLISH) takes one, such as 0.0.0.0");
        return new DeliverySettings(
            parse.GetValue(Consul),
            HostList(parse.GetValue(Docker), Text(Hosts, variable: null), publish, environment),
            Text(Environment, "MESH_ENVIRONMENT") ?? "mesh",
            Text(ProxyService, "MESH_PROXY_SERVICE") ?? "proxy")
        {
            LockWait = parse.GetValue(Wait) ?? TimeSpan.Zero,
            AllowDegraded = parse.GetValue(AllowDegraded),
            Insecure = parse.GetValue(Insecure),
        };

        // A variable that is empty is none, as for Docker and Consul; an option that is empty was meant to be something.
        string? Text(Option<string?> option, string? variable) => parse.GetValue(option) switch
        {
            null => variable is null || string.IsNullOrWhiteSpace(environment(variable)) ? null : environment(variable),
            var said when string.IsNullOrWhiteSpace(said) => throw new DeliveryException(ExitCode.WrongInput, $"{option.Name} is empty; leave it out, or give {option.Description}"),
            var said => said,
        };
    }

    private static HostList HostList(Uri? address, string? file, string publish, Func<string, string?> environment)
    {
        if (address is not null && file is not null)
            throw new DeliveryException(ExitCode.WrongInput, "choose one of --docker, for one host, and --hosts, for a file of hosts");
        // What is said on the command line counts, whatever the environment names.
        var named = address is null ? file ?? environment("MESH_HOSTS") : null;
        var hosts = string.IsNullOrEmpty(named) ? null : HostsFile.Read(named, publish);
        if (address is null && hosts?.Tests.Address is null && environment("DOCKER_HOST") is { Length: > 0 } usual && HostAddress.TryParse(usual, out address) is { } fault)
            throw new DeliveryException(ExitCode.WrongInput, $"DOCKER_HOST: {fault}");
        if (hosts is not null)
            return hosts with { Tests = hosts.Tests with { Address = hosts.Tests.Address ?? address } };
        var only = new DockerHost("docker", address, publish);
        return new HostList([only], only);
    }

    /// <summary>An option that takes a duration; unset it is <c>null</c>, which stands for <paramref name="fallback"/>.</summary>
    public static Option<TimeSpan?> Duration(string name, string description, TimeSpan fallback) => new(name)
    {
        Description = $"{description} [{DurationText.Write(fallback)}]",
        HelpName = "time",
        CustomParser = result =>
        {
            if (!DurationText.TryParse(result.Tokens[0].Value, out var duration))
                result.AddError($"{name} '{result.Tokens[0].Value}' must be {DurationText.Form}");
            else if (duration > ServiceManifest.LongestWait)
                result.AddError($"{name} '{result.Tokens[0].Value}' must be at most {DurationText.Write(ServiceManifest.LongestWait)}");
            return duration;
        },
    };

    private static Option<TimeSpan?> RecursiveDuration(string name, string description, TimeSpan fallback)
    {
        var option = Duration(name, description, fallback);
        option.Recursive = true;
        return option;
    }

    private static Uri? ConsulAddress(ArgumentResult result)
    {
        const string example = "http://10.0.0.9:8500";
        var text = result.Tokens[0].Value;
        if (!Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, UriKind.Absolute, out var address))
            result.AddError($"'{text[(text.LastIndexOf('@') + 1)..]}' is no address; one looks like {example}");
        // Nobody would use them, but every message with the address would print them.
        else if (address.UserInfo.Length > 0)
            result.AddError($"an address has no user and no password; one looks like {example}");
        return address;
    }

    private static Uri? DockerAddress(ArgumentResult result)
    {
        if (HostAddress.TryParse(result.Tokens[0].Value, out var address) is { } fault)
            result.AddError(fault);
        return address;
    }
}
