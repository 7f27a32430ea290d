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
        json.WriteString("time", (Ended - Duration).UtcDateTime);
        if (Client is { } client)
            json.WriteString("client", (client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client).ToString());
        json.WriteString("method", Method);
        json.WriteString("scheme", Scheme);
        json.WriteString("host", Host);
        json.WriteString("path", Path);
        json.WriteString("protocol", Protocol);
        json.WriteNumber("status", Status);
        if (RequestLength is { } asked)
            json.WriteNumber("requestBytes", asked);
        if (ResponseLength is { } answered)
            json.WriteNumber("responseBytes", answered);
        json.WriteNumber("seconds", Duration.TotalSeconds);
        if (AnsweredAfter is { } after)
            json.WriteNumber("answeredAfterSeconds", after.TotalSeconds);
        WriteWay(json);
        if (TraceParent is { Length: >= TraceStart + TraceLength } trace)
            json.WriteString("trace", trace.AsSpan(TraceStart, TraceLength));
        if (UserAgent is not null)
            json.WriteString("userAgent", UserAgent);
        json.WriteEndObject();
    }

    private void WriteWay(Utf8JsonWriter json)
    {
        if (Service is not null)
            json.WriteString("service", Service);
        if (Member is { Instance: var instance })
        {
            json.WriteString("release", instance.Version);
            json.WriteString("deployment", instance.Deployment);
            json.WriteString("instance", instance.Id);
        }

        if (Retries > 0)
            json.WriteNumber("retries", Retries);
        if (Failure is { } failure)
            json.WriteString("failure", MetricFamilies.WordOf(failure));
        if (Refusal is { } refusal)
            json.WriteString("refusal", MetricFamilies.WordOf(refusal));
    }
}
