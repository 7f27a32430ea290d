using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Consul;

/// <summary>An answer whose head has come and whose content has yet to be read.</summary>
internal sealed class ConsulExchange(string call, HttpResponseMessage response, long maxBytes)
{
    private const int MaxReasonBytes = 4096;
    private const int BufferBytes = 32 * 1024;

    public HttpStatusCode Status => response.StatusCode;

    public QueryResult Meta() => new()
    {
        LastIndex = Number("X-Consul-Index"),
        LastContact = TimeSpan.FromMilliseconds(Math.Min(Number("X-Consul-LastContact"), int.MaxValue)),
        KnownLeader = Header("X-Consul-KnownLeader") is "true",
    };

    public async Task<T?> Read<T>(JsonTypeInfo<T> type, CancellationToken ct)
    {
        await using var content = await response.Content.ReadAsStreamAsync(ct);
        await using var bounded = new BoundedStream(content, maxBytes, TooLarge);
        var reader = PipeReader.Create(bounded, new StreamPipeReaderOptions(bufferSize: BufferBytes, leaveOpen: true));
        try
        {
            var whole = await reader.ReadAsync(ct);
            while (!whole.IsCompleted)
            {
                reader.AdvanceTo(whole.Buffer.Start, whole.Buffer.End);
                whole = await reader.ReadAsync(ct);
            }

            // A program may take in what its sockets get on their own few threads. A large answer is not parsed there: whatever
            // else those threads have to do would wait for it.
            if (whole.Buffer.Length > BufferBytes)
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            return Parse(whole.Buffer, type);
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    /// <summary>The failure that the status stands for, with the reason that Consul gave.</summary>
    public async Task<ConsulRequestException> Refused(CancellationToken ct)
    {
        await using var content = await response.Content.ReadAsStreamAsync(ct);
        var bytes = new byte[MaxReasonBytes];
        var length = await content.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
        var reason = response.Headers.Location is { } elsewhere
            ? $"redirected to {elsewhere}, which is not followed"
            : Encoding.UTF8.GetString(bytes, 0, length).Trim();
        return new ConsulRequestException(
            $"{call}: {(int)Status} {response.ReasonPhrase}{(reason.Length == 0 ? "" : ": ")}{reason}", Status);
    }

    private static T? Parse<T>(ReadOnlySequence<byte> json, JsonTypeInfo<T> type)
    {
        var reader = new Utf8JsonReader(json);
        var value = JsonSerializer.Deserialize(ref reader, type);
        // One value is an answer; what follows it is none of Consul's.
        return reader.Read() ? throw new JsonException("something follows the value") : value;
    }

    private ConsulRequestException TooLarge() =>
        new($"{call}: the answer has more than {maxBytes} bytes", ConsulFault.TooLarge, inner: null);

    private ulong Number(string header) => Header(header) is not { } text ? 0
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new JsonException($"header {header} is '{text}', not a number");

    private string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? values.First() : null;
}
