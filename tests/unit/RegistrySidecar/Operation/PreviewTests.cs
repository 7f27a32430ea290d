using Consul;
using ServiceMesh.RegistrySidecar.DryRun;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;
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
        var hostile = Given.Container("acme/web", "web", ["80/tcp=8000"], ["SERVICE_TAGS=\u001b[31m" + new string('x', 5000)]);
        var output = new StringWriter();

        new PreviewTable(output, isTerminal: false).Show(Of([hostile]));

        var line = Assert.Single(output.ToString().Split('\n'), line => line.Contains("h1:web:80", StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', line);
        Assert.InRange(line.Length, 100, 1000);
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
