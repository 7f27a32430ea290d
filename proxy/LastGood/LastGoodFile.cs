using System.Text.Json;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>
/// The last good state on disk, as JSON in a file with its checksum. One that is damaged is reported and not used.
/// </summary>
internal sealed partial class LastGoodFile(IOptions<ProxyOptions> options, TimeProvider time, ILogger<LastGoodFile> log)
{
    private string? unusable;

    private readonly ChecksummedFile file = new(Path.Combine(options.Value.State, "last-good.json"));

    /// <summary>When it was written last, by this process or the one whose state it read; <c>null</c> if there is none that can be trusted.</summary>
    public DateTimeOffset? WrittenAt { get; private set; }

    /// <summary>Why it is of no use: it was found damaged, and not written since, or it cannot be written; <c>null</c> if it is not.</summary>
    public string? Fault => Volatile.Read(ref unusable);

    /// <exception cref="IOException">It cannot be written, or not for certain.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public async Task WriteAsync(Snapshot snapshot, CancellationToken ct)
    {
        try
        {
            await file.WriteAsync(stream => JsonSerializer.SerializeAsync(stream, Written(snapshot), StateJson.Default.StateFile, ct), ct);
            WrittenAt = time.GetUtcNow();
            Volatile.Write(ref unusable, null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Volatile.Write(ref unusable, $"it cannot be written: {error.Message}");
            throw;
        }
    }

    /// <summary>The state, or <c>null</c> if there is none that can be trusted.</summary>
    public LastGoodState? Read()
    {
        try
        {
            var state = file.Read() is { } json ? Of(JsonSerializer.Deserialize(json.Span, StateJson.Default.StateFile)) : null;
            WrittenAt = state?.SavedAt;
            return state;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            Unusable(file.Path, error.Message);
            Volatile.Write(ref unusable, $"it was not used: {error.Message}");
            return null;
        }
    }

    private StateFile Written(Snapshot snapshot)
    {
        var services = snapshot.Documents.Services.Keys.Select(name => snapshot.Services[name]).Select(service => new ServiceState(service.Stored, service.Instances));
        return new StateFile(StateFile.CurrentSchema, time.GetUtcNow(), [.. services]);
    }

    private static LastGoodState Of(StateFile? kept) => kept is { Schema: StateFile.CurrentSchema }
        ? new LastGoodState(
            kept.SavedAt,
            DocumentSet.Of(kept.Services.Select(service => service.Stored)),
            kept.Services.ToDictionary(service => service.Stored.Service, service => service.Instances, StringComparer.Ordinal))
        : throw new InvalidDataException($"its form {kept?.Schema} is not the {StateFile.CurrentSchema} that is understood here");

    [LoggerMessage(LogLevel.Error, "The last good state in {Path} is not used: {Reason}")]
    private partial void Unusable(string path, string reason);
}
