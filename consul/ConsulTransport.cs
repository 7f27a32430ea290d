using System.Diagnostics;
using System.Net;
using System.Text.Json.Serialization.Metadata;

namespace Consul;

/// <summary>Sends calls and reads their answers; the one place that knows HTTP.</summary>
internal sealed class ConsulTransport : IDisposable
{
    private readonly ConsulClientConfiguration config;
    private readonly HttpClient http;
    private readonly string root;

    public ConsulTransport(ConsulClientConfiguration config)
    {
        this.config = ConsulConfigurationCheck.Checked(config);
        root = config.Address.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)
            + config.Address.AbsolutePath.TrimEnd('/');
        http = ConsulHttp.Client(config);
    }

    public void Dispose() => http.Dispose();

    /// <summary>Reads what may be missing: null after a 404 that Consul itself gave.</summary>
    public Task<QueryResult<T?>> Find<T>(
        ConsulCall call, QueryOptions? options, JsonTypeInfo<T> type, CancellationToken ct)
        where T : class =>
        Exchange(
            call.Accept(HttpStatusCode.NotFound).Options(options, config),
            async (exchange, token) =>
            {
                var meta = exchange.Meta();
                if (exchange.Status is not HttpStatusCode.NotFound)
                    return new QueryResult<T?>(meta, await exchange.Read(type, token));
                // Without an index it is not Consul that does not have the key, but something that is no Consul.
                return meta.LastIndex != 0 ? new QueryResult<T?>(meta) : throw await exchange.Refused(token);
            },
            ct);

    /// <summary>Reads what is always there; Consul's null for an empty list is the value for none.</summary>
    public Task<QueryResult<T>> Query<T>(
        ConsulCall call, QueryOptions? options, JsonTypeInfo<T> type, T none, CancellationToken ct)
        where T : class =>
        Exchange(
            call.Options(options, config),
            async (exchange, token) => new QueryResult<T>(exchange.Meta(), await exchange.Read(type, token) ?? none),
            ct);

    public Task<WriteResult> Write(ConsulCall call, WriteOptions? options, CancellationToken ct) =>
        Exchange(call.Options(options, config), (_, _) => Task.FromResult(new WriteResult()), ct);

    public Task<WriteResult<T?>> Write<T>(
        ConsulCall call, WriteOptions? options, JsonTypeInfo<T> type, CancellationToken ct) =>
        Exchange(
            call.Options(options, config),
            async (exchange, token) => new WriteResult<T?>(new WriteResult(), await exchange.Read(type, token)),
            ct);

    private async Task<TResult> Exchange<TResult>(
        ConsulCall call, Func<ConsulExchange, CancellationToken, Task<TResult>> read, CancellationToken ct)
        where TResult : ConsulResult
    {
        var target = Target(call);
        var timeout = config.RequestTimeout + call.Wait;
        var started = Stopwatch.GetTimestamp();
        using var timer = new CancellationTokenSource(timeout);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timer.Token);
        try
        {
            using var request = ConsulHttp.Request(call, target);
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var exchange = new ConsulExchange(call.Describe(target), response, config.MaxResponseBytes);
            if (!response.IsSuccessStatusCode && response.StatusCode != call.Accepted)
                throw await exchange.Refused(either.Token);
            var result = await read(exchange, either.Token);
            result.StatusCode = response.StatusCode;
            result.RequestTime = Stopwatch.GetElapsedTime(started);
            return result;
        }
        catch (OperationCanceledException e) when (ct.IsCancellationRequested)
        {
            throw new OperationCanceledException($"{call.Describe(target)}: cancelled", e, ct);
        }
        catch (Exception e) when (ConsulFailure.Of(e, timer.IsCancellationRequested, timeout) is { } failure)
        {
            throw failure.ToException(call.Describe(target), e);
        }
    }

    // Escaped already, part by part; left to itself Uri would take "a/../b" for "b" and unescape what it can.
    private Uri Target(ConsulCall call)
    {
        var query = call.Query;
        return new Uri(
            $"{root}{call.Path}{(query.Length == 0 ? "" : "?")}{query}",
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
    }
}
