using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Brings images to the Docker host. The registry is the truth: a local image of the same name never stands in for it.</summary>
internal sealed class ImageStore(IDockerClient docker, RegistryCredentials credentials, TimeProvider time)
{
    // A pull may take long, but it tells of its progress all the time.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(2);

    private const string DigestStatus = "Digest: ";

    /// <param name="image">The image with its tag.</param>
    /// <param name="told">Hears of each message of the pull; <c>null</c> for nobody.</param>
    /// <param name="ct">The person's interruption.</param>
    public async Task<PulledImage> PullAsync(ImageReference image, Action<JSONMessage>? told, CancellationToken ct)
    {
        var shown = await credentials.ForAsync(image.Repository, ct);
        using var silence = new CancellationTokenSource(LongestSilence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, silence.Token);
        var messages = new PullMessages(message =>
        {
            silence.CancelAfter(LongestSilence);
            told?.Invoke(message);
        });
        try
        {
            await docker.Images.CreateImageAsync(
                new ImagesCreateParameters { FromImage = image.Repository, Tag = image.Tag }, shown, messages, either.Token);
        }
        catch (OperationCanceledException) when (silence.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw PullFailure.Explain(image, HttpStatusCode.GatewayTimeout, $"nothing came for {DurationText.Write(LongestSilence)}");
        }
        catch (DockerApiException error)
        {
            throw PullFailure.Explain(image, error.StatusCode, Faults.DockerSaid(error));
        }

        if (messages.Error is { } fault)
            throw PullFailure.Explain(image, HttpStatusCode.OK, fault);
        var inspected = await docker.Images.InspectImageAsync(image.ToString(), ct);
        var digest = messages.Digest ?? DigestOf(image.Repository, inspected.RepoDigests ?? [])
            ?? throw new DeliveryException(ExitCode.WrongInput, $"image {image} has no digest in its registry; push it again");
        return new PulledImage($"{image.Repository}@{digest}", [.. inspected.Config?.ExposedPorts?.Keys ?? []]);
    }

    /// <summary>The ports that an image exposes, as <c>8080/tcp</c>; it is pulled only if it is not here.</summary>
    public async Task<IReadOnlyList<string>> ExposedPortsAsync(ImageReference image, CancellationToken ct)
    {
        try
        {
            return [.. (await docker.Images.InspectImageAsync(image.ToString(), ct)).Config?.ExposedPorts?.Keys ?? []];
        }
        catch (DockerImageNotFoundException)
        {
            return (await PullAsync(image, told: null, ct)).Ports;
        }
    }

    /// <summary>A local image by digest, of the repository that it was named by if it is known there; by its id if it never came from a registry.</summary>
    public async Task<string> ByDigestAsync(string id, string? repository, CancellationToken ct)
    {
        var digests = (await docker.Images.InspectImageAsync(id, ct)).RepoDigests ?? [];
        return digests.FirstOrDefault(digest => digest.Split('@')[0] == repository) ?? digests.FirstOrDefault() ?? id;
    }

    private static string? DigestOf(string repository, IEnumerable<string> repoDigests) => repoDigests
        .Select(entry => entry.Split('@', 2))
        .FirstOrDefault(parts => parts is [var name, _] && name == repository)?[1];

    // Docker answers 200 and tells of a failure that comes later in the stream. Read in the order in which it is told.
    private sealed class PullMessages(Action<JSONMessage> heard) : IProgress<JSONMessage>
    {
        public string? Digest { get; private set; }

        public string? Error { get; private set; }

        public void Report(JSONMessage value)
        {
            heard(value);
            Error ??= value.Error?.Message;
            if (value.Status?.StartsWith(DigestStatus, StringComparison.Ordinal) is true)
                Digest = value.Status[DigestStatus.Length..].Trim();
        }
    }
}

/// <param name="ByDigest"><c>repository@sha256:…</c>.</param>
/// <param name="Ports">The ports that the image exposes, as <c>8080/tcp</c>.</param>
internal sealed record PulledImage(string ByDigest, IReadOnlyList<string> Ports);
