using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>A connection whose bytes are the test's own, for what no client would send.</summary>
internal sealed class RawConnection : IAsyncDisposable
{
    private readonly NetworkStream stream;
    private readonly StreamReader reader;
    private readonly TimeSpan patience;

    private RawConnection(Socket socket, TimeSpan patience)
    {
        this.patience = patience;
        stream = new NetworkStream(socket, ownsSocket: true);
        reader = new StreamReader(stream, Encoding.Latin1);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <param name="port">The port on this host.</param>
    /// <param name="patience">How long a part of an answer is waited for; 20 s if nothing is said.</param>
    public static async Task<RawConnection> OpenAsync(int port, TimeSpan? patience = null)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port, Ct);
        return new RawConnection(socket, patience ?? TimeSpan.FromSeconds(20));
    }

    /// <summary>Sends these characters as bytes.</summary>
    public Task SendAsync(string text) => stream.WriteAsync(Encoding.Latin1.GetBytes(text), Ct).AsTask();

    public async Task<RawAnswer> AskAsync(string request)
    {
        await SendAsync(request);
        return await ReadAnswerAsync() ?? throw new EndOfStreamException("the connection was closed without an answer");
    }

    /// <summary>The next answer, or <c>null</c> if the connection ends before it.</summary>
    /// <exception cref="EndOfStreamException">It ends within the answer.</exception>
    public async Task<RawAnswer?> ReadAnswerAsync()
    {
        if (await ReadLineAsync() is not { } line)
            return null;
        var status = int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (await NextLineAsync() is { Length: > 0 } header)
            headers[header.Split(':')[0]] = header[(header.IndexOf(':') + 1)..].Trim();
        try
        {
            return new RawAnswer(status, headers, await ReadBodyAsync(headers));
        }
        catch (IOException reset) when (reset is not EndOfStreamException)
        {
            throw CutOff();
        }
    }

    /// <summary>How much comes until the connection ends, or is cut.</summary>
    public async Task<long> CountRestAsync()
    {
        var buffer = new byte[1 << 16];
        var count = 0L;
        try
        {
            while (await stream.ReadAsync(buffer, Ct) is > 0 and var read)
                count += read;
        }
        catch (IOException)
        {
            // Cut.
        }

        return count;
    }

    /// <summary>Whether the other side ends the connection, and sends nothing more before.</summary>
    public async Task<bool> IsClosedAsync() => await ReadLineAsync() is null;

    public ValueTask DisposeAsync()
    {
        reader.Dispose();
        return stream.DisposeAsync();
    }

    private async Task<string> ReadBodyAsync(Dictionary<string, string> headers)
    {
        if (headers.TryGetValue("Content-Length", out var length))
            return await ReadAsync(int.Parse(length, CultureInfo.InvariantCulture));
        if (!headers.ContainsKey("Transfer-Encoding"))
            return headers.GetValueOrDefault("Connection") == "close" ? await PatientlyAsync(reader.ReadToEndAsync) : "";
        var body = new StringBuilder();
        while (int.Parse(await NextLineAsync(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var size)
        {
            body.Append(await ReadAsync(size));
            await NextLineAsync();
        }

        await NextLineAsync();
        return body.ToString();
    }

    private async Task<string> ReadAsync(int count)
    {
        // A read of nothing would wait for something.
        if (count == 0)
            return "";
        var buffer = new char[count];
        return await PatientlyAsync(async ct => await reader.ReadBlockAsync(buffer, ct)) == count ? new string(buffer) : throw CutOff();
    }

    private async Task<string> NextLineAsync() => await ReadLineAsync() ?? throw CutOff();

    private static EndOfStreamException CutOff() => new("the connection was closed within an answer");

    // A reset ends the connection, too.
    private async Task<string?> ReadLineAsync()
    {
        try
        {
            return await PatientlyAsync(async ct => await reader.ReadLineAsync(ct));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private async Task<T> PatientlyAsync<T>(Func<CancellationToken, Task<T>> read)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(patience);
        return await read(late.Token);
    }
}

/// <summary>What came back.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    /// <summary>Whether the other side says that it closes the connection.</summary>
    public bool IsLast => Headers.GetValueOrDefault("Connection") == "close";
}
