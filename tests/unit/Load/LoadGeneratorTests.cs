using System.Net;
using System.Net.Sockets;
using System.Text;
using ServiceMesh.Load;
using Xunit;

namespace ServiceMesh.Tests.Unit.Load;

public sealed class LoadGeneratorTests
{
    // .NET's client would send it again, in silence, where a connection that was kept ends so.
    [Fact]
    public async Task Stop_EverySecondRequestWasTakenAndNotAnswered_CountsThemAsFailed()
    {
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener, stopped.Token);
        var url = new UriBuilder("http", "127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port).Uri;

        LoadReport report;
        await using (var load = LoadGenerator.Start(url, new LoadOptions { Concurrency = 1, MinRequests = 4 }))
            report = await load.StopAsync();

        await stopped.CancelAsync();
        await serving;
        Assert.True(report.Sent >= 4, $"{report.Sent} sent");
        Assert.Equal(report.Sent / 2, report.Failed);
    }

    private static async Task ServeAsync(TcpListener listener, CancellationToken stopped)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(stopped);
                using var reader = new StreamReader(client.GetStream(), Encoding.ASCII, detectEncodingFromByteOrderMarks: false, bufferSize: 1024, leaveOpen: true);
                await ReadAsync(reader);
                await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), stopped);
                await ReadAsync(reader);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            // It is enough.
        }
    }

    private static async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 })
        {
            // A header.
        }
    }
}
