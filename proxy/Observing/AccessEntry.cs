using System.Net;
using System.Text.Json;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic;

namespace ServiceMesh.Proxy.Observing;

/// <summary>What the access log tells of a request. Taking it down copies references; text is made of it when it is written.</summary>
internal readonly record struct AccessEntry
{
    // 00-<trace id>-<span id>-<flags> (W3C Trace Context).
    private const int TraceStart = 3;
    private const int TraceLength = 32;

    public required DateTimeOffset Ended { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>How long the instance took until its answer's headers.</summary>
    public TimeSpan? AnsweredAfter { get; init; }

    public IPAddress? Client { get; init; }

    public required string Method { get; init; }

    public required string Scheme { get; init; }

    public required string Host { get; init; }

    /// <summary>Decoded, and without the query, in which secrets are sent.</summary>
    public required string Path { get; init; }

    public required string Protocol { get; init; }

    public required int Status { get; init; }

    public long? RequestLength { get; init; }

    public long? ResponseLength { get; init; }

    public string? Service { get; init; }

    public MemberModel? Member { get; init; }

    public int Retries { get; init; }

    public Failure? Failure { get; init; }

    public Refusal? Refusal { get; init; }

    public string? UserAgent { get; init; }

    public string? TraceParent { get; init; }

    public static AccessEntry Of(Exchange exchange, TimeSpan duration)
    {
        var (request, response) = (exchange.Context.Request, exchange.Context.Response);
        return new AccessEntry
        {
            Ended = exchange.Ended,
            Duration = duration,
            AnsweredAfter = exchange.AnsweredAfter,
            Client = exchange.Context.Connection.RemoteIpAddress,
            Method = request.Method,
            Scheme = request.Scheme,
            Host = request.Host.Value ?? "",
            Path = request.Path.Value ?? "",
            Protocol = request.Protocol,
            Status = response.StatusCode,
            RequestLength = request.ContentLength,
            ResponseLength = response.ContentLength,
            Service = exchange.Target?.Service,
            Member = exchange.Member,
            Retries = exchange.Retries,
            Failure = exchange.Failure,
            Refusal = exchange.Refusal,
            UserAgent = request.Headers.UserAgent,
            TraceParent = exchange.Span?.Id ?? request.Headers.TraceParent,
        };
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("time"u8, (Ended - Duration).UtcDateTime);
        WriteClient(json);
        json.WriteString("method"u8, Method);
        json.WriteString("scheme"u8, Scheme);
        json.WriteString("host"u8, Host);
        json.WriteString("path"u8, Path);
        json.WriteString("protocol"u8, Protocol);
        json.WriteNumber("status"u8, Status);
        if (RequestLength is { } asked)
            json.WriteNumber("requestBytes"u8, asked);
        if (ResponseLength is { } answered)
            json.WriteNumber("responseBytes"u8, answered);
        json.WriteNumber("seconds"u8, Seconds(Duration));
        if (AnsweredAfter is { } after)
            json.WriteNumber("answeredAfterSeconds"u8, Seconds(after));
        WriteWay(json);
        if (TraceParent is { Length: >= TraceStart + TraceLength } trace)
            json.WriteString("trace"u8, trace.AsSpan(TraceStart, TraceLength));
        if (UserAgent is not null)
            json.WriteString("userAgent"u8, UserAgent);
        json.WriteEndObject();
    }

    // As a decimal: a double's shortest spelling takes longer than the rest of the line.
    private static decimal Seconds(TimeSpan time) => new((int)time.Ticks, (int)(time.Ticks >> 32), hi: 0, isNegative: false, scale: 7);

    private void WriteClient(Utf8JsonWriter json)
    {
        Span<byte> text = stackalloc byte[64];
        if (Client is null || !Client.TryFormat(text, out var length))
            return;
        // A socket for both families tells of IPv4 as ::ffff:10.0.0.1.
        var address = text[..length];
        json.WriteString("client"u8, Client.IsIPv4MappedToIPv6 ? address[(address.LastIndexOf((byte)':') + 1)..] : address);
    }

    private void WriteWay(Utf8JsonWriter json)
    {
        if (Service is not null)
            json.WriteString("service"u8, Service);
        if (Member is { Instance: var instance })
        {
            json.WriteString("release"u8, instance.Version);
            json.WriteString("deployment"u8, instance.Deployment);
            json.WriteString("instance"u8, instance.Id);
        }

        if (Retries > 0)
            json.WriteNumber("retries"u8, Retries);
        if (Failure is { } failure)
            json.WriteString("failure"u8, MetricFamilies.WordOf(failure));
        if (Refusal is { } refusal)
            json.WriteString("refusal"u8, MetricFamilies.WordOf(refusal));
    }
}
