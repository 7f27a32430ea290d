namespace ServiceMesh.Load;

/// <summary>Sends GETs to one address over kept-alive connections until it is stopped, and counts what comes of them.</summary>
public sealed class LoadGenerator : IAsyncDisposable
{
    private readonly Uri url;
    private readonly LoadOptions options;
    private readonly TimeProvider time;
    private readonly HttpClient http;
    private readonly Pace pace;
    private readonly Tally tally = new();
    private readonly CancellationTokenSource stopAsked = new();
    private readonly CancellationTokenSource end;
    private readonly long start;
    private readonly Task connections;
    private long begun;

    private LoadGenerator(Uri url, LoadOptions options, TimeProvider time)
    {
        (this.url, this.options, this.time) = (url, options, time);
        http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            MaxConnectionsPerServer = options.Concurrency,
            // Either side may end a connection that is idle, and a request may be on its way then: this one does it first.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
        })
        { Timeout = options.RequestTimeout };
        pace = new Pace(options.Rate, time);
        end = new CancellationTokenSource(options.MaxDuration, time);
        end.Token.Register(stopAsked.Cancel);
        start = time.GetTimestamp();
        connections = Task.WhenAll(Enumerable.Range(0, options.Concurrency).Select(_ => Task.Run(AskAsync)));
    }

    /// <summary>Ends by itself only when <see cref="LoadOptions.MaxDuration"/> is over.</summary>
    public Task Completion => connections;

    /// <summary>The counts so far.</summary>
    public LoadReport Report => tally.Report();

    public static LoadGenerator Start(Uri url, LoadOptions? options = null, TimeProvider? time = null) =>
        new(url, options ?? new LoadOptions(), time ?? TimeProvider.System);

    /// <summary>Sends what is missing to the minimum, lets the requests in flight finish, and reports.</summary>
    public async Task<LoadReport> StopAsync()
    {
        await stopAsked.CancelAsync();
        await connections;
        return Report;
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await connections;
        http.Dispose();
        stopAsked.Dispose();
        end.Dispose();
    }

    private async Task AskAsync()
    {
        while (Wanted())
        {
            CancellationToken enough = MinimumReached ? stopAsked.Token : end.Token;
            await pace.WaitAsync(enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (Wanted())
                await AskOnceAsync();
        }
    }

    private bool MinimumReached => Volatile.Read(ref begun) >= options.MinRequests;

    private bool Wanted() =>
        !end.IsCancellationRequested && !(stopAsked.IsCancellationRequested && MinimumReached);

    // A stop cancels no request: a cancelled one would count as a failure that the target did not cause.
    private async Task AskOnceAsync()
    {
        Interlocked.Increment(ref begun);
        try
        {
            // With a content, of nothing: the client sends one without again, in silence, where a connection ends without an answer.
            using HttpRequestMessage request = new(HttpMethod.Get, url) { Content = new ByteArrayContent([]) };
            using HttpResponseMessage response = await http.SendAsync(request, CancellationToken.None);
            tally.Answered(response.StatusCode, time.GetElapsedTime(start));
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            tally.Broke(e, time.GetElapsedTime(start));
        }
    }
}
