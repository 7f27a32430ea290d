using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>
/// The keys on disk, beside the last good state: without them a start without Consul would take every client's cookie for
/// forged. They are a secret; whoever may read this file can choose any release and any instance for himself.
/// </summary>
internal sealed partial class KeyringFile(IOptions<ProxyOptions> options, ILogger<KeyringFile> log)
{
    private readonly ChecksummedFile file = new(Path.Combine(options.Value.State, "keyring.json"), isSecret: true);
    private byte[]? written;

    /// <summary>The keys, or <c>null</c> if there are none that can be trusted.</summary>
    public Keyring? Read()
    {
        try
        {
            return file.Read() is { } json ? Of(JsonSerializer.Deserialize(json.Span, KeyringJson.Default.KeptKeyring)) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidDataException
            or ArgumentException or CryptographicException)
        {
            Unusable(file.Path, error.Message);
            return null;
        }
    }

    /// <summary>Keeps the keys; where that fails it is told, and they are kept in memory alone.</summary>
    public async Task WriteAsync(Keyring ring, CancellationToken ct)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(KeptKeyring.Of(ring), KeyringJson.Default.KeptKeyring);
        try
        {
            written ??= file.Read()?.ToArray();
            if (json.AsSpan().SequenceEqual(written))
                return;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            // It was reported when it was read, and is replaced now.
        }

        try
        {
            await file.WriteAsync(stream => stream.WriteAsync(json, ct).AsTask(), ct);
            written = json;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Unwritten(file.Path, error.Message);
        }
    }

    private static Keyring Of(KeptKeyring? kept) => kept is { Schema: KeptKeyring.CurrentSchema, CookieKey.Length: Keyring.CookieKeyBytes }
        ? Keyring.Of(kept.Signers.Select(Signer), kept.CookieKey)
        : throw new InvalidDataException($"its form {kept?.Schema} is not the {KeptKeyring.CurrentSchema} that is understood here");

    private static ECDsa Signer(string pem)
    {
        var key = ECDsa.Create();
        key.ImportFromPem(pem);
        return key;
    }

    [LoggerMessage(LogLevel.Error, "The keys in {Path} are not used: {Reason}")]
    private partial void Unusable(string path, string reason);

    [LoggerMessage(LogLevel.Error, "The keys could not be written to {Path}: {Reason}")]
    private partial void Unwritten(string path, string reason);
}

/// <summary>The form of the keys on disk.</summary>
/// <param name="Schema">The version of the form.</param>
/// <param name="Signers">The deployers' public keys, PEM.</param>
/// <param name="CookieKey">The key that cookies are signed with.</param>
internal sealed record KeptKeyring(int Schema, IReadOnlyList<string> Signers, byte[] CookieKey)
{
    public const int CurrentSchema = 1;

    public static KeptKeyring Of(Keyring ring) =>
        new(CurrentSchema, [.. ring.Signers.Values.Select(signer => signer.ExportSubjectPublicKeyInfoPem())], ring.CookieKey.ToArray());
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(KeptKeyring))]
internal sealed partial class KeyringJson : JsonSerializerContext;
