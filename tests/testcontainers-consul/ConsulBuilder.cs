using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Images;

namespace Testcontainers.Consul;

/// <summary>Builds a Consul development agent: one server, everything in memory.</summary>
public sealed class ConsulBuilder : ContainerBuilder<ConsulBuilder, ConsulContainer, ConsulConfiguration>
{
    /// <summary>The image where none is named.</summary>
    public const string ConsulImage = "hashicorp/consul:1.21";

    /// <summary>The port of the HTTP API inside the container.</summary>
    public const int ConsulHttpPort = 8500;

    /// <summary>Creates a builder for <see cref="ConsulImage"/>.</summary>
    public ConsulBuilder()
        : this(ConsulImage)
    {
    }

    /// <summary>Creates a builder.</summary>
    /// <param name="image">The image's name with its tag.</param>
    public ConsulBuilder(string image)
        : this(new DockerImage(image))
    {
    }

    /// <summary>Creates a builder.</summary>
    /// <param name="image">The image.</param>
    public ConsulBuilder(IImage image)
        : this(new ConsulConfiguration())
    {
        DockerResourceConfiguration = Init().WithImage(image).DockerResourceConfiguration;
    }

    private ConsulBuilder(ConsulConfiguration resourceConfiguration)
        : base(resourceConfiguration)
    {
        DockerResourceConfiguration = resourceConfiguration;
    }

    /// <inheritdoc />
    protected override ConsulConfiguration DockerResourceConfiguration { get; }

    /// <inheritdoc />
    public override ConsulContainer Build()
    {
        Validate();
        return new ConsulContainer(DockerResourceConfiguration);
    }

    /// <inheritdoc />
    protected override ConsulBuilder Init() => base.Init()
        .WithPortBinding(ConsulHttpPort, assignRandomHostPort: true)
        .WithCommand("agent", "-dev", "-client", "0.0.0.0")
        .WithConnectionStringProvider(new ConsulConnectionStringProvider())
        .WithWaitStrategy(Wait.ForUnixContainer().UntilHttpRequestIsSucceeded(
            request => request.ForPath("/v1/status/leader").ForPort(ConsulHttpPort)
                .ForResponseMessageMatching(HasLeader)));

    /// <inheritdoc />
    protected override ConsulBuilder Clone(IResourceConfiguration<CreateContainerParameters> resourceConfiguration) =>
        Merge(DockerResourceConfiguration, new ConsulConfiguration(resourceConfiguration));

    /// <inheritdoc />
    protected override ConsulBuilder Clone(IContainerConfiguration resourceConfiguration) =>
        Merge(DockerResourceConfiguration, new ConsulConfiguration(resourceConfiguration));

    /// <inheritdoc />
    protected override ConsulBuilder Merge(ConsulConfiguration oldValue, ConsulConfiguration newValue) =>
        new(new ConsulConfiguration(oldValue, newValue));

    // The API answers 200 with an empty text while there is no leader, and then refuses every write.
    private static async Task<bool> HasLeader(HttpResponseMessage response) =>
        await response.Content.ReadAsStringAsync() is var leader && leader.Trim() is not "\"\"";
}
