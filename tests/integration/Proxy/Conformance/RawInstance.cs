using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>An instance whose bytes are the test's own: it reads a request's head and answers with what it was given.</summary>
internal sealed class RawInstance : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stopped = new();
    private readonly Func<RawRequest, Task> answer;
    private readonly Task serving;

    private RawInstance(Func<RawRequest, Task> answer)
    {
        this.answer = answer;
        listener.Start();
        serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>An instance that gives every request the same answer and hangs up.</summary>
    public static RawInstance Start(string answer) => new(request => request.SendAsync(answer));

    public static RawInstance Start(Func<RawRequest, Task> answer) => new(answer);

    public async ValueTask DisposeAsync()
    {
        await stopped.CancelAsync();
        listener.Stop();
        await serving;
        stopped.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!stopped.IsCancellationRequested)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync(stopped.Token);
                var request = new RawRequest(client.GetStream());
                if (await request.ReadHeadAsync())
                    await answer(request);
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
            {
                // The other side is gone, or the test is over.
            }
        }
    }
}

/// <summary>One request to a <see cref="RawInstance"/>.</summary>
internal sealed class RawRequest(NetworkStream stream)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public string Head { get; private set; } = "";

    /// <summary>Whether something of the body is there already.</summary>
    public bool HasMore => stream.DataAvailable;

    public async Task<bool> ReadHeadAsync()
    {
        var (head, one) = (new StringBuilder(), new byte[1]);
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, Ct) == 0)
                return false;
            head.Append((char)one[0]);
        }

        Head = head.ToString();
        return true;
    }

    public async Task<string> ReadAsync(int count)
    {
        var buffer = new byte[count];
        await stream.ReadExactlyAsync(buffer, Ct);
        return Encoding.Latin1.GetString(buffer);
    }

    /// <summary>Ends when the other side hangs up.</summary>
    public async Task ClosedAsync()
    {
        var rest = new byte[256];
        while (await stream.ReadAsync(rest, Ct) > 0)
        {
        }
    }

    public async Task SendAsync(string text) => await stream.WriteAsync(Encoding.Latin1.GetBytes(text), Ct);
}
