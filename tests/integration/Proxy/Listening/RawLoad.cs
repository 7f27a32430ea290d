using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>Requests without the retries of a real client: over connections that are kept until the proxy closes them by its word, and over one connection each.</summary>
internal sealed class RawLoad : IAsyncDisposable
{
    // A request may be held by a pause, or wait for a host that is gone.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    /// <summary>Stands for the status of an answer of which nothing came.</summary>
    public const HttpStatusCode NoAnswer = default;

    /// <summary>Stands for the status of an answer that had begun and was cut off, which nobody can repeat.</summary>
    public const HttpStatusCode CutOff = (HttpStatusCode)1;

    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<string> failures = new();
    private readonly Task running;
    private readonly int port;
    private int served;

    private RawLoad(int port, params Request[] requests)
    {
        this.port = port;
        running = Task.WhenAll(Enumerable.Range(0, 8).Select(n => (n, Request: requests[n / 2 % requests.Length]))
            .Select(one => Task.Run(() => one.n % 2 == 0 ? KeepAsync(one.Request) : OpenEachAsync(one.Request))));
    }

    public int Served => Volatile.Read(ref served);

    public static RawLoad Start(int port, string path) => new(port, new Request($"GET {path}", ""));

    /// <summary>With bodies of some 100 KB, of a length that is told and of one that is not.</summary>
    public static RawLoad StartUploading(int port, string path)
    {
        var (part, count) = (new string('x', 10_000), 10);
        return new RawLoad(
            port,
            new Request($"POST {path}", string.Concat(Enumerable.Repeat(part, count)), $"Content-Length: {part.Length * count}\r\n"),
            new Request($"POST {path}", string.Concat(Enumerable.Repeat($"{part.Length:x}\r\n{part}\r\n", count)) + "0\r\n\r\n", "Transfer-Encoding: chunked\r\n"));
    }

    /// <summary>
    /// Asks one request after the other until it is stopped, over a connection that is kept until the proxy closes it by its
    /// word. .NET's client would count too well: a request without content that a connection ends without an answer to, it
    /// sends again in silence.
    /// </summary>
    /// <returns>The answers' statuses; for a request that got none <see cref="NoAnswer"/>, and not a whole one <see cref="CutOff"/>.</returns>
    public static async Task<List<HttpStatusCode>> AskOnAsync(int port, string path, CancellationToken stop, TimeSpan pause = default)
    {
        List<HttpStatusCode> answers = [];
        while (!stop.IsCancellationRequested)
        {
            await using var connection = await RawConnection.OpenAsync(port, Patience);
            bool isLast;
            do
            {
                (var status, isLast) = await AskOnceAsync(connection, path);
                answers.Add(status);
                if (pause > TimeSpan.Zero)
                    await Task.Delay(pause, TimeProvider.System, CancellationToken.None);
            }
            while (!isLast && !stop.IsCancellationRequested);
        }

        return answers;
    }

    /// <summary>Waits for so many more requests to be served.</summary>
    public Task MoreAsync(int more)
    {
        var wanted = Served + more;
        return Until.TrueAsync(() => Task.FromResult(Served >= wanted || !failures.IsEmpty));
    }

    /// <returns>What failed.</returns>
    public async Task<IReadOnlyCollection<string>> StopAsync()
    {
        await stop.CancelAsync();
        await running;
        return failures;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        stop.Dispose();
    }

    private static async Task<(HttpStatusCode Status, bool IsLast)> AskOnceAsync(RawConnection connection, string path)
    {
        try
        {
            await connection.SendAsync($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            return await connection.ReadAnswerAsync() is { } answer ? ((HttpStatusCode)answer.Status, answer.IsLast) : (NoAnswer, true);
        }
        catch (IOException error)
        {
            return (error is EndOfStreamException ? CutOff : NoAnswer, true);
        }
    }

    private async Task KeepAsync(Request request)
    {
        while (!stop.IsCancellationRequested)
            await TryAsync(async connection => !(await AskAsync(connection, request.Text(""))).IsLast);
    }

    private async Task OpenEachAsync(Request request)
    {
        while (!stop.IsCancellationRequested)
        {
            await TryAsync(async connection =>
            {
                await AskAsync(connection, request.Text("Connection: close\r\n"));
                return false;
            });
        }
    }

    private async Task TryAsync(Func<RawConnection, Task<bool>> goOn)
    {
        try
        {
            await using var connection = await RawConnection.OpenAsync(port);
            while (await goOn(connection) && !stop.IsCancellationRequested)
            {
                // The next request over the same connection.
            }
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            failures.Enqueue(error.Message);
        }
    }

    private async Task<RawAnswer> AskAsync(RawConnection connection, string text)
    {
        var answer = await connection.AskAsync(text);
        if (answer.Status == 200)
            Interlocked.Increment(ref served);
        else
            failures.Enqueue($"status {answer.Status}");
        return answer;
    }

    private sealed record Request(string Line, string Body, string Headers = "")
    {
        public string Text(string more) => $"{Line} HTTP/1.1\r\nHost: a\r\n{Headers}{more}\r\n{Body}";
    }
}
