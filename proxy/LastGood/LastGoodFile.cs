using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>
/// The last good state on disk: a line with the SHA-256 of the rest, then JSON. It is written beside and renamed over, so
/// that it is always whole; one that is damaged all the same is reported and not used.
/// </summary>
internal sealed partial class LastGoodFile(IOptions<ProxyOptions> options, TimeProvider time, ILogger<LastGoodFile> log)
{
    private string? unusable;

    private readonly string path = Path.Combine(options.Value.State, "last-good.json");

    /// <summary>When it was written last by this process; <c>null</c> if it was not.</summary>
    public DateTimeOffset? WrittenAt { get; private set; }

    /// <summary>Why it is of no use: it was found damaged, and not written since, or it cannot be written; <c>null</c> if it is not.</summary>
    public string? Fault => Volatile.Read(ref unusable);

    /// <exception cref="IOException">It cannot be written, or not for certain.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public async Task WriteAsync(Snapshot snapshot, CancellationToken ct)
    {
        try
        {
            await WriteWholeAsync(snapshot, ct);
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
            if (!File.Exists(path))
                return null;
            var content = File.ReadAllBytes(path);
            var json = content.AsSpan(content.AsSpan().IndexOf((byte)'\n') + 1);
            if (!content.AsSpan(0, content.Length - json.Length).SequenceEqual(Encoding.ASCII.GetBytes(Checksum(json) + "\n")))
                throw new InvalidDataException("its checksum is wrong");
            return Of(JsonSerializer.Deserialize(json, StateJson.Default.StateFile));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            Unusable(path, error.Message);
            Volatile.Write(ref unusable, $"it was not used: {error.Message}");
            return null;
        }
    }

    private async Task WriteWholeAsync(Snapshot snapshot, CancellationToken ct)
    {
        var services = snapshot.Services.Values.Select(service => new ServiceState(service.Stored, service.Instances));
        var json = JsonSerializer.SerializeToUtf8Bytes(
            new StateFile(StateFile.CurrentSchema, time.GetUtcNow(), [.. services]), StateJson.Default.StateFile);

        Directory.CreateDirectory(options.Value.State);
        var beside = path + ".new";
        await using (var file = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            await file.WriteAsync(Encoding.ASCII.GetBytes(Checksum(json) + "\n"), ct);
            await file.WriteAsync(json, ct);
            file.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
        FolderSync.Flush(options.Value.State);
    }

    private static LastGoodState Of(StateFile? file) => file is { Schema: StateFile.CurrentSchema }
        ? new LastGoodState(
            file.SavedAt,
            DocumentSet.Of(file.Services.Select(service => service.Stored)),
            file.Services.ToDictionary(service => service.Stored.Service, service => service.Instances, StringComparer.Ordinal))
        : throw new InvalidDataException($"its form {file?.Schema} is not the {StateFile.CurrentSchema} that is understood here");

    private static string Checksum(ReadOnlySpan<byte> json) => Convert.ToHexStringLower(SHA256.HashData(json));

    [LoggerMessage(LogLevel.Error, "The last good state in {Path} is not used: {Reason}")]
    private partial void Unusable(string path, string reason);
}
