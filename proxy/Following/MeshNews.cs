using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>All that may lead to another snapshot, in one line before the one loop that makes it.</summary>
internal sealed class MeshNews(TimeProvider time)
{
    private readonly Channel<News> line = Channel.CreateUnbounded<News>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Consul told of these documents.</summary>
    public void Documents(DocumentSet documents) => line.Writer.TryWrite(new DocumentsTold(documents) { Came = time.GetTimestamp() });

    /// <summary>Consul was asked for these services' instances, and told of those of some.</summary>
    /// <param name="asked">The services.</param>
    /// <param name="told">Those that it told of, with their instances.</param>
    /// <param name="came">When what led to it came, by the clock of <see cref="TimeProvider.GetTimestamp"/>.</param>
    public void Instances(IReadOnlyCollection<string> asked, IReadOnlyDictionary<string, IReadOnlyList<Instance>> told, long came) =>
        line.Writer.TryWrite(new InstancesTold(asked, told) { Came = came });

    /// <summary>The proxy itself found something out about a service's instance.</summary>
    public void Found(string service, HealthFinding finding) => line.Writer.TryWrite(new HealthFound(service, finding));

    /// <summary>The loss of these services is no mistake.</summary>
    public void LossConfirmed(IReadOnlyCollection<string> services) => line.Writer.TryWrite(new LossConfirmed(services));

    /// <summary>It is time for something.</summary>
    public void TimeHasCome() => line.Writer.TryWrite(new TimeHasCome());

    /// <summary>Whether there is some now.</summary>
    public bool IsThere => line.Reader.TryPeek(out _);

    public ValueTask<bool> WaitAsync(CancellationToken ct) => line.Reader.WaitToReadAsync(ct);

    public bool TryTake([NotNullWhen(true)] out News? item) => line.Reader.TryRead(out item);
}

internal abstract record News
{
    /// <summary>When it came from Consul, by the clock of <see cref="TimeProvider.GetTimestamp"/>; <c>null</c> for what the proxy has of itself.</summary>
    public long? Came { get; init; }
}

internal sealed record DocumentsTold(DocumentSet Documents) : News;

internal sealed record InstancesTold(IReadOnlyCollection<string> Asked, IReadOnlyDictionary<string, IReadOnlyList<Instance>> Told) : News;

internal sealed record HealthFound(string Service, HealthFinding Finding) : News;

internal sealed record LossConfirmed(IReadOnlyCollection<string> Services) : News;

internal sealed record TimeHasCome : News;
