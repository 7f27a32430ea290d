using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Consul;

/// <summary>One request, as far as it does not depend on the client's configuration.</summary>
internal sealed class ConsulCall
{
    // The server adds up to a sixteenth of the wait time, so that its clients do not all come back at once.
    private const int JitterFraction = 16;
    private static readonly TimeSpan DefaultWaitTime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestWaitTime = TimeSpan.FromMinutes(10);
    private readonly List<string> query = [];

    private ConsulCall(HttpMethod method, string path)
    {
        Method = method;
        Path = path;
    }

    public HttpMethod Method { get; }

    public string Path { get; }

    public string Query => string.Join('&', query);

    public string? Token { get; private set; }

    public byte[]? Body { get; private set; }

    /// <summary>How long the server may wait before it answers, by its own rules.</summary>
    public TimeSpan Wait { get; private set; }

    /// <summary>A status beyond the 2xx that is an answer to this call, not a failure.</summary>
    public HttpStatusCode? Accepted { get; private set; }

    public static ConsulCall Get(string path) => new(HttpMethod.Get, path);

    public static ConsulCall Put(string path) => new(HttpMethod.Put, path);

    public static ConsulCall Delete(string path) => new(HttpMethod.Delete, path);

    public ConsulCall Accept(HttpStatusCode status)
    {
        Accepted = status;
        return this;
    }

    public ConsulCall Content(byte[]? body)
    {
        Body = body ?? [];
        return this;
    }

    public ConsulCall Json<T>(T value, JsonTypeInfo<T> type) =>
        Content(JsonSerializer.SerializeToUtf8Bytes(value, type));

    public ConsulCall With(string name)
    {
        query.Add(name);
        return this;
    }

    public ConsulCall With(string name, string? value) =>
        string.IsNullOrEmpty(value) ? this : With($"{name}={Uri.EscapeDataString(value)}");

    public ConsulCall Options(WriteOptions? options, ConsulClientConfiguration config)
    {
        Token = Given(options?.Token, config.Token);
        return With("dc", Given(options?.Datacenter, config.Datacenter));
    }

    public ConsulCall Options(QueryOptions? options, ConsulClientConfiguration config)
    {
        options ??= QueryOptions.Default;
        Token = Given(options.Token, config.Token);
        With("dc", Given(options.Datacenter, config.Datacenter));
        With("near", options.Near);
        With("filter", options.Filter);
        return Fresh(options.Consistency).Blocking(options.WaitIndex, options.WaitTime ?? config.WaitTime);
    }

    /// <summary>For messages: the method and what it is sent to, without anything secret.</summary>
    public string Describe(Uri target) => new StringBuilder(Method.Method).Append(' ').Append(target).ToString();

    private static string? Given(string? value, string? otherwise) => string.IsNullOrEmpty(value) ? otherwise : value;

    private ConsulCall Fresh(ConsistencyMode consistency) => consistency switch
    {
        ConsistencyMode.Consistent => With("consistent"),
        ConsistencyMode.Stale => With("stale"),
        _ => this,
    };

    private ConsulCall Blocking(ulong index, TimeSpan? wait)
    {
        if (index == 0)
            return this;
        var longest = wait is not { } given || given <= TimeSpan.Zero ? DefaultWaitTime
            : given < LongestWaitTime ? given
            : LongestWaitTime;
        Wait = longest + (longest / JitterFraction);
        With("index", index.ToString());
        return wait is { } time ? With("wait", GoDuration.Format(time)) : this;
    }
}
