using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using Consul;
using Docker.DotNet;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class FaultTests
{
    public static TheoryData<Exception, int, string> Known { get; } = new()
    {
        {
            new ConsulRequestException("GET http://c:8500/v1/kv/x: connection refused", ConsulFault.Unreachable, null),
            5,
            "GET http://c:8500/v1/kv/x: connection refused. Is Consul running there? Name another address with --consul or CONSUL_HTTP_ADDR."
        },
        {
            new ConsulRequestException("PUT http://c:8500/v1/txn: 403", HttpStatusCode.Forbidden),
            5,
            "PUT http://c:8500/v1/txn: 403. Give a token that may do this in CONSUL_HTTP_TOKEN."
        },
        { new ConsulConfigurationException("CONSUL_HTTP_ADDR 'x y' is no address."), 1, "CONSUL_HTTP_ADDR 'x y' is no address." },
        {
            new ServiceMesh.Docker.DockerUnreachableException(new Uri("unix:///nowhere.sock"), new IOException("no such file")),
            5,
            "Docker at unix:///nowhere.sock cannot be reached: no such file. Is it running, and may you use it? Name another address with --docker or DOCKER_HOST."
        },
        {
            new DockerApiException(HttpStatusCode.InternalServerError, """{"message":"no space left"}"""),
            5,
            "Docker refused a call (500): no space left. Mend that on its host, then run this again."
        },
        {
            new HttpRequestException("connection reset"),
            5,
            "Docker stopped answering: connection reset. Is it running, and may you use it? Name another address with --docker or DOCKER_HOST."
        },
        {
            new TaskCanceledException("no answer", new TimeoutException("100 s are over")),
            5,
            "Docker stopped answering: 100 s are over. Is it running, and may you use it? Name another address with --docker or DOCKER_HOST."
        },
    };

    [Theory]
    [MemberData(nameof(Known))]
    public void Explain_AKnownFailure_HasItsCodeAndItsMend(Exception error, int code, string sentence)
    {
        var fault = Faults.Explain(error);

        Assert.Equal((code, sentence), ((int)fault!.Code, fault.Message));
    }

    // What sshd and ssh themselves say, the integration tests hear.
    [Theory]
    [InlineData("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "the docker command there does not reach its Engine. Let that user use it (group docker), or start it. It said: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?.")]
    [InlineData("Could not create directory '/root/.ssh'.\nkex_exchange_identification: Connection closed by remote host", "ssh said: kex_exchange_identification: Connection closed by remote host. Try it by hand: ssh ssh://deploy@prod.")]
    public void Explain_AWayBySshThatFails_IsToldInItsWordsAndNotSentToAnotherAddress(string said, string sentence)
    {
        var host = new Uri("ssh://deploy@prod");

        var fault = Faults.Explain(new ServiceMesh.Docker.DockerUnreachableException(host, new HttpRequestException("no", new ServiceMesh.Docker.SshException(host, said))));

        Assert.Equal((ExitCode.Unreachable, $"Docker at {host} cannot be reached: {sentence}"), (fault!.Code, fault.Message));
    }

    private static readonly Release V1 = new("d1", "v1", "demo@sha256:1", DateTimeOffset.UnixEpoch);
    private static readonly Release V2 = V1 with { Deployment = "d2", Version = "v2" };
    private static readonly ServiceDocument Document = ServiceDocument.Create("demo", []).Promote(V1);

    // Each that can be had without a mesh: those of the one place for failures, and those of the phases that have sentences of their own.
    public static TheoryData<string> Sentences { get; } =
    [
        .. Told<DeliveryException>(typeof(Faults)).Select(fault => fault.Message),
        .. Told<string>(typeof(ReversionSentence)),
        .. Known.Where(known => known.Data.Item2 == (int)ExitCode.Unreachable).Select(known => known.Data.Item3),
        TestRunner.Rejection("demo", "v2", new TestRun("t", 1, 1, 1, 1, ""), TimeSpan.FromMinutes(1))!,
        TestRunner.Rejection("demo", "v2", new TestRun("t", 1, null, null, 1, ""), TimeSpan.FromMinutes(1))!,
        TestRunner.Rejection("demo", "v2", new TestRun("t", TestRunner.TimedOut, null, null, 60, ""), TimeSpan.FromMinutes(1))!,
        .. new[] { new GateView(0, 0, null), new GateView(1, 0, null), new GateView(1, 1, null) }.Select(view => ReadinessSentence.TooLate(
            new ReadinessTarget("demo", V2, [new HostShare(null!, ["c"], "0")], default, TimeSpan.FromMinutes(1)), view, complaint: null, "mesh")),
        .. new[] { "manifest unknown", "denied", "no route to host" }.Select(said => PullFailure.Explain(new ImageReference("r/demo", "v9"), HttpStatusCode.InternalServerError, said).Message),
        ExposedPorts.Fault("r/demo:v9", 80, [])!,
        ExposedPorts.Fault("r/demo:v9", 80, ["90/tcp"])!,
        SplitChange.Conflict(
            new ServiceManifest { Name = "demo", Image = new ImageReference("demo", null), Port = 80, Routes = [], Strategy = new Strategy(Ab: new AbPolicy(10, Header: null, Cookie: null)) },
            Document with { Split = new Split(V2, 10) })!,
        SplitChange.Ill("demo", Running(V2) with { Health = "critical" }),
        CandidateChoice.Unfinished(
            Document with { Split = new Split(V2, 50), Leaving = ["i1"] }, V2, [new OwnContainer("prod", "c1", "demo-v1-1", V1.Deployment, "v1", Running: false, ByHand: false)], [])!,
        Refusal(() => CandidateChoice.Find("demo", "x", Document, [])),
        Refusal(() => CandidateChoice.Find("demo", "i", Document, [(Running(V1), "c1")])),
        Refusal(() => CandidateChoice.Find("demo", "i", Document, [(Running(V1), "c1"), (Running(V2), "c2")])),
        Refusal(() => CandidateChoice.Find("demo", "i", Document.Promote(V2), [(Running(V1), "c1")])),
        Refusal(() => RollbackTarget.Find("demo", before: null, to: null, [])),
        Refusal(() => RollbackTarget.Find("demo", Document, to: null, [])),
        Refusal(() => RollbackTarget.Find("demo", Document, "v9", [])),
        Refusal(() => RollbackTarget.Find("demo", Document.Promote(V2), to: null, [])),
        Refusal(() => LogChoice.Find("demo", prefix: null, Document, [])),
        .. new[] { Document.Promote(V2), Document with { Split = new Split(V2, 10) }, Document }.Select(document => Standing.Of(new StoredDocument("demo", document, 1, Fault: null), V2)),
    ];

    private static readonly IEnumerable<string> Verbs = CommandLine.Root().Subcommands.Select(verb => verb.Name);

    [Theory]
    [MemberData(nameof(Sentences))]
    public void Sentence_OfEachFailure_EndsWithWhatToDoNext(string sentence)
    {
        // What became of production may come behind it.
        var end = sentence.Replace(" Production is unchanged.", "", StringComparison.Ordinal).TrimEnd('.').Split(". ")[^1];

        Assert.Matches(
            "'(deployer|docker) [a-z]+|[Rr]un this again|[Dd]eploy |Mend |Name |name its |Give |Push |Start |EXPOSE|change the manifest|Is its registry running|(The candidates are|There is): ", end);
        Assert.All(Regex.Matches(sentence, "'deployer ([a-z]+)").Select(command => command.Groups[1].Value), verb => Assert.Contains(verb, Verbs));
    }

    [Theory]
    [InlineData("status demo")]
    [InlineData("history demo")]
    [InlineData("lock release demo")]
    public async Task Sentence_OfAServiceThatNobodyKnows_EndsWithWhatToDoNext(string line)
    {
        using var consul = new LocalServer(path => path.EndsWith("/catalog/services", StringComparison.Ordinal) ? "{}" : "[]");
        var output = new StringWriter();

        var code = await CommandLine.InvokeAsync([.. line.Split(' '), "--consul", consul.Address("http").ToString()], output, output, TestContext.Current.CancellationToken);

        Assert.Equal((int)ExitCode.WrongInput, code);
        Sentence_OfEachFailure_EndsWithWhatToDoNext(output.ToString().Trim());
    }

    private static IEnumerable<T> Told<T>(Type sentences) => sentences.GetMethods(BindingFlags.Public | BindingFlags.Static)
        .Where(method => method.ReturnType == typeof(T) && method.Name != nameof(Faults.Explain))
        .Select(method => (T)method.Invoke(null, [.. method.GetParameters().Select(parameter => Given(parameter.ParameterType))])!);

    private static object Given(Type type) =>
        type == typeof(DockerApiException) ? new DockerApiException(HttpStatusCode.BadRequest, """{"message":"no"}""")
        : type == typeof(double) ? 10.0
        : "demo";

    private static string Refusal(Action refused) => Assert.Throws<DeliveryException>(refused).Message;

    private static Instance Running(Release release) => new($"i-{release.Version}", "n", "demo", "10.0.0.9", 80, release.Deployment, release.Version, "passing");

    [Fact]
    public void Explain_ABug_IsNotHidden() => Assert.Null(Faults.Explain(new InvalidOperationException("bug")));

    [Theory]
    [InlineData(404, "manifest for r/demo:v9 not found: manifest unknown", 1, "image r/demo:v9 is not in its registry: manifest for r/demo:v9 not found: manifest unknown. Push it first, or name another version with --version.")]
    [InlineData(500, "Get \"http://r/v2/\": dial tcp 10.0.0.1:80: connect: connection refused", 5, "image r/demo:v9 cannot be pulled: Get \"http://r/v2/\": dial tcp 10.0.0.1:80: connect: connection refused. Is its registry running, and reachable from the Docker host?")]
    [InlineData(500, "Head \"https://r/v2/demo\": unauthorized: authentication required", 1, "image r/demo:v9 may not be pulled: Head \"https://r/v2/demo\": unauthorized: authentication required. Log in to its registry with 'docker login' as the user who deploys.")]
    [InlineData(200, "failed to resolve reference: not found", 1, "image r/demo:v9 is not in its registry: failed to resolve reference: not found. Push it first, or name another version with --version.")]
    public void Explain_AFailedPull_TellsAMissingImageFromAMissingRegistry(int status, string said, int code, string sentence)
    {
        var fault = PullFailure.Explain(new ImageReference("r/demo", "v9"), (HttpStatusCode)status, said);

        Assert.Equal((code, sentence), ((int)fault.Code, fault.Message));
    }

    [Theory]
    [InlineData(400, 1, "the tests image r/t@sha256:1 cannot be started: no such file. Mend its entry point.")]
    [InlineData(404, 1, "the tests image r/t@sha256:1 cannot be started: no such file. Mend its entry point.")]
    [InlineData(500, 5, "the tests image r/t@sha256:1 cannot be started, for Docker failed (500): no such file. Mend its host, then run this again.")]
    [InlineData(503, 5, "the tests image r/t@sha256:1 cannot be started, for Docker failed (503): no such file. Mend its host, then run this again.")]
    public void CannotTest_DockersOwnTrouble_IsNotTheImages(int status, int code, string sentence)
    {
        var fault = Faults.CannotTest("r/t@sha256:1", new DockerApiException((HttpStatusCode)status, """{"message":"no such file"}"""));

        Assert.Equal((code, sentence), ((int)fault.Code, fault.Message));
    }

    // As Docker Engine 20.10 says them.
    [Theory]
    [InlineData(400, 3, "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: /x: permission denied: unknown")]
    [InlineData(500, 3, "failed to create shim task: OCI runtime create failed: container init was OOM-killed (memory limit too low?): unknown")]
    [InlineData(500, 3, "unable to find user app: no matching entries in passwd file")]
    [InlineData(500, 3, "unable to find group app: no matching entries in group file")]
    [InlineData(500, 5, "driver failed programming external connectivity on endpoint a: Error starting userland proxy: listen tcp4 10.0.0.9:32777: bind: cannot assign requested address")]
    [InlineData(503, 5, "Service Unavailable")]
    public void CannotStart_DockersOwnTrouble_IsNotTheReleases(int status, int code, string said)
    {
        var error = new DockerApiException((HttpStatusCode)status, $$"""{"message":"{{said}}"}""");

        var (start, test) = (Faults.CannotStart("demo v2", error), Faults.CannotTest("r/t@sha256:1", error));

        Assert.Equal(code, (int)start.Code);
        Assert.Equal(code == 5, test.Code == ExitCode.Unreachable);
        Assert.Equal(code == 5, start.Message.EndsWith("Mend its host, then run this again.", StringComparison.Ordinal));
    }

    [Fact]
    public void Help_ExitCodes_NamesEveryOneOfThem() =>
        Assert.Equal(Enum.GetValues<ExitCode>().Order(), ExitCodes.All.Select(entry => entry.Code).Order());

    [Theory]
    [InlineData("2026-01-31T12:00:00.123456789Z", "1769860800.123456800")]
    [InlineData("2026-01-31T13:00:00+01:00", "1769860800.000000000")]
    public void From_DockersClock_IsTheTimeOfItsEvents(string clock, string time) => Assert.Equal(time, EventTime.From(clock));
}
