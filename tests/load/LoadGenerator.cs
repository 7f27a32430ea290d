namespace ServiceMesh.Load;

/// <summary>Sends GETs to one address over kept-alive connections until it is stopped, and counts what comes of them.</summary>
public sealed class LoadGenerator : IAsyncDisposable
{
    private readonly Uri _url;
    private readonly LoadOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly Pace _pace;
    private readonly Tally _tally = new();
    private readonly CancellationTokenSource _stopAsked = new();
    private readonly CancellationTokenSource _end;
    private readonly long _start;
    private readonly Task _connections;
    private long _begun;

    private LoadGenerator(Uri url, LoadOptions options, TimeProvider time)
    {
        (_url, _options, _time) = (url, options, time);
        _http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            MaxConnectionsPerServer = options.Concurrency,
        })
        { Timeout = options.RequestTimeout };
        _pace = new Pace(options.Rate, time);
        _end = new CancellationTokenSource(options.MaxDuration, time);
        _end.Token.Register(_stopAsked.Cancel);
        _start = time.GetTimestamp();
        _connections = Task.WhenAll(Enumerable.Range(0, options.Concurrency).Select(_ => Task.Run(AskAsync)));
    }

    /// <summary>Ends by itself only when <see cref="LoadOptions.MaxDuration"/> is over.</summary>
    public Task Completion => _connections;

    /// <summary>The counts so far.</summary>
    public LoadReport Report => _tally.Report();

    public static LoadGenerator Start(Uri url, LoadOptions? options = null, TimeProvider? time = null) =>
        new(url, options ?? new LoadOptions(), time ?? TimeProvider.System);

    /// <summary>Sends what is missing to the minimum, lets the requests in flight finish, and reports.</summary>
    public async Task<LoadReport> StopAsync()
    {
        await _stopAsked.CancelAsync();
        await _connections;
        return Report;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _connections;
        _http.Dispose();
        _stopAsked.Dispose();
        _end.Dispose();
    }

    private async Task AskAsync()
    {
        while (Wanted())
        {
            CancellationToken enough = MinimumReached ? _stopAsked.Token : _end.Token;
            await _pace.WaitAsync(enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (Wanted())
                await AskOnceAsync();
        }
    }

    private bool MinimumReached => Volatile.Read(ref _begun) >= _options.MinRequests;

    private bool Wanted() =>
        !_end.IsCancellationRequested && !(_stopAsked.IsCancellationRequested && MinimumReached);

    // A stop cancels no request: a cancelled one would count as a failure that the target did not cause.
    private async Task AskOnceAsync()
    {
        Interlocked.Increment(ref _begun);
        try
        {
            using HttpResponseMessage response = await _http.GetAsync(_url, CancellationToken.None);
            _tally.Answered(response.StatusCode, _time.GetElapsedTime(_start));
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            _tally.Broke(e, _time.GetElapsedTime(_start));
        }
    }
}
