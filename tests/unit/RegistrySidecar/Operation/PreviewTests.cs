using System.Net;
using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.RegistrySidecar.DryRun;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;
using ServiceMesh.Tests.Unit.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Operation;

public sealed class PreviewTests
{
    private static readonly ContainerFacts Web = Given.Container(
        "acme/web", "web", ["80/tcp=8000", "81/tcp"], ["SERVICE_TAGS=a", "SERVICE_CHECK_HTTP=/health", "SERVICE_CHECK_TIMEOUT=soon"]);

    [Fact]
    public void Of_ConsulAnswers_TellsStageAddressChecksAndWhatIsLeftOut()
    {
        var preview = Of([Web], documents: Given.Documents(Given.Document("web", Web.Id)));

        var instance = Assert.Single(preview.Instances);
        Assert.Equal(
            ("new", "web", "h1:web:80", Given.AgentAddress, 8000, "active"),
            (instance.State, instance.Service, instance.Id, instance.Address, instance.Port, instance.Stage));
        Assert.Equal(["a"], instance.Tags);
        Assert.Equal([$"GET http://{Given.AgentAddress}:8000/health every 10s"], instance.Checks);
        Assert.Equal([new PreviewedRemark("web", "port 81/tcp is not published on the host")], preview.LeftOut);
        Assert.Contains("SERVICE_CHECK_TIMEOUT", Assert.Single(preview.Warnings).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_ConsulIsAway_SaysWhatIsUnknown()
    {
        var preview = Preview.Of(new HostView(Given.Node, [Web], Registry: null, "refused"), new SidecarOptions());

        var instance = Assert.Single(preview.Instances);
        Assert.Equal(("?", null, null, "refused"), (instance.State, instance.Stage, instance.Address, preview.ConsulFault));
    }

    [Fact]
    public void Of_RegisteredAlready_SaysSoAndSeesChanges()
    {
        var registration = Assert.Single(Given.Registrations(Web));
        var same = Registered(registration, registration.Tags!);
        var other = Registered(registration, ["candidate", "b"]);

        Assert.Equal("registered", Assert.Single(Of([Web], same).Instances).State);
        Assert.Equal("changed", Assert.Single(Of([Web], other).Instances).State);
    }

    [Fact]
    public void Of_ContainerOfWhichDockerTellsNothing_IsLeftOutAndTheOthersAreTold()
    {
        var sharing = Given.Container("acme/web", "sharing", ["80/tcp"]) with { NetworkMode = "container:stuck-id" };
        var preview = Preview.Of(
            new HostView(Given.Node, [sharing, Web], Registry: null, "refused") { Unread = [new UnreadContainer("stuck-id", "stuck", "Docker did not answer in time")] }, new SidecarOptions());

        Assert.Equal("web", Assert.Single(preview.Instances).Container);
        Assert.Contains(new PreviewedRemark("stuck", "it cannot be inspected: Docker did not answer in time"), preview.LeftOut);
        Assert.Contains(preview.LeftOut, remark => remark.Container == "sharing" && remark.Text.Contains("until it is known whether", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ContainersAsync_OneHangsAndOneIsRefused_TheOthersAreRead()
    {
        var time = new FakeTimeProvider();
        var docker = Substitute.For<IDockerClient>();
        docker.Containers.InspectContainerAsync("well", Arg.Any<CancellationToken>())
            .Returns(new ContainerInspectResponse { ID = "well", Name = "/well", State = new State { Running = true } });
        docker.Containers.InspectContainerAsync("stuck", Arg.Any<CancellationToken>()).Returns(new TaskCompletionSource<ContainerInspectResponse>().Task);
        docker.Containers.InspectContainerAsync("broken", Arg.Any<CancellationToken>()).ThrowsAsync(new DockerApiException(HttpStatusCode.InternalServerError, "layer not found"));
        docker.Containers.InspectContainerAsync("gone", Arg.Any<CancellationToken>()).ThrowsAsync(new DockerContainerNotFoundException(HttpStatusCode.NotFound, "gone"));

        var reading = HostReader.ContainersAsync(
            docker,
            [.. ((string[])["stuck", "broken", "gone", "well"]).Select(name => new ContainerListResponse { ID = name, Names = [$"/{name}"] })],
            time,
            CancellationToken.None,
            TestContext.Current.CancellationToken);

        var (running, unread) = await PassingAsync(reading, time);
        Assert.Equal(["well"], running.Select(container => container.Name));
        Assert.Equal(
            [new UnreadContainer("broken", "broken", "Docker answered 500: layer not found"), new UnreadContainer("stuck", "stuck", "Docker did not answer in time")], unread);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ReadAsync_DockerListsManyAndTellsOfNoneOrOne_EndsInTime(bool tellsOfOne)
    {
        var time = new FakeTimeProvider();
        var asked = 0;
        using var docker = new LocalServer(path => path switch
        {
            "/version" => """{"ApiVersion":"1.41"}""",
            "/v1.41/info" => """{"Name":"h1"}""",
            "/v1.41/containers/json" => $"[{string.Join(',', Enumerable.Range(0, 200).Select(number => $$"""{"Id":"c{{number}}"}"""))}]",
            _ when Interlocked.Increment(ref asked) == 1 && tellsOfOne => $$$"""{"Id":"{{{path.Split('/')[3]}}}","Name":"/told","State":{"Running":true}}""",
            _ => null,
        });
        var consul = Substitute.For<IConsulClient>();
        consul.Agent.Self(Arg.Any<CancellationToken>()).ThrowsAsync(new ConsulRequestException("no", HttpStatusCode.InternalServerError));
        var store = new MeshStore(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, time));

        var reading = new HostReader(new SidecarOptions { DockerHost = docker.Address("tcp") }, consul, store, time).ReadAsync(TestContext.Current.CancellationToken);
        // Eight at a time: the ninth is asked for when one has been told.
        await UntilAsync(() => Volatile.Read(ref asked) == (tellsOfOne ? 9 : 8) || reading.IsCompleted);
        if (tellsOfOne)
            Assert.Equal(("told", 199), (Assert.Single((await PassingAsync(reading, time)).Containers).Name, (await reading).Unread.Count));
        else
            Assert.Contains("nothing of any container", (await Assert.ThrowsAsync<PreviewException>(() => PassingAsync(reading, time))).Message, StringComparison.Ordinal);

        // In 15 s so many by 8 at a time, 3 s each.
        Assert.InRange(asked, 1, 49);
    }

    [Theory]
    [InlineData("/v1.41/info")]
    [InlineData("/v1.41/containers/json")]
    public async Task ReadAsync_WhatAnswersIsNoDockerAfterAll_SaysSo(string htmlAt)
    {
        using var docker = new LocalServer(path => path == htmlAt ? "<html>" : path switch
        {
            "/version" => """{"ApiVersion":"1.41"}""",
            _ => """{"Name":"h1"}""",
        });
        var reader = new HostReader(
            new SidecarOptions { DockerHost = docker.Address("tcp") }, Substitute.For<IConsulClient>(), store: null!, TimeProvider.System);

        var error = await Assert.ThrowsAsync<PreviewException>(() => reader.ReadAsync(TestContext.Current.CancellationToken));

        Assert.Contains("Docker cannot be asked", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_IdOfAStranger_IsAConflict()
    {
        var stranger = new AgentService { ID = "h1:web:80", Service = "web", Tags = [], Address = "", Meta = new Dictionary<string, string>() };

        var preview = Of([Web], stranger);

        Assert.Equal("conflict", Assert.Single(preview.Instances).State);
        Assert.Contains("registered by somebody else", Assert.Single(preview.Conflicts), StringComparison.Ordinal);
    }

    [Fact]
    public void Show_InAPipe_IsOneLineForEachInstanceWithoutControlCharacters()
    {
        var hostile = Given.Container("acme/web", "web", ["80/tcp=8000"], ["SERVICE_TAGS=\u001b[31m" + new string('x', 500)]);
        var output = new StringWriter();

        new PreviewTable(output, isTerminal: false).Show(Of([hostile]));

        var line = Assert.Single(output.ToString().Split('\n'), line => line.Contains("h1:web:80", StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', line);
        Assert.InRange(line.Length, 100, 1000);
    }

    private static async Task<T> PassingAsync<T>(Task<T> task, FakeTimeProvider time)
    {
        await UntilAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return task.IsCompleted;
        });
        return await task;
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (!isSo())
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);
    }

    private static Preview Of(ContainerFacts[] containers, AgentService? registered = null, DocumentSet? documents = null)
    {
        var services = new Dictionary<string, AgentService>(StringComparer.Ordinal);
        var checks = new Dictionary<string, AgentCheck>(StringComparer.Ordinal);
        if (registered is not null)
        {
            services[registered.ID] = registered;
            checks[$"service:{registered.ID}"] = new AgentCheck { ServiceID = registered.ID };
        }

        var options = registered is null ? new SidecarOptions() : Given.WithIp;
        return Preview.Of(
            new HostView(Given.Node, containers, new RegistryView(Given.AgentAddress, AgentVersion: null, services, checks, documents ?? DocumentSet.Empty), Silence: null), options);
    }

    private static AgentService Registered(AgentServiceRegistration registration, string[] tags) => new()
    {
        ID = registration.ID!,
        Service = registration.Name!,
        Tags = tags,
        Address = registration.Address!,
        Port = registration.Port,
        Meta = registration.Meta!,
    };
}
