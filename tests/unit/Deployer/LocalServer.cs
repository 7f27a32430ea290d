using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>As much of a part of the mesh as a test needs: JSON by path, or no answer at all where there is none.</summary>
internal sealed class LocalServer : IDisposable
{
    private readonly HttpListener listener = new();
    private readonly Func<string, string?> answer;

    public LocalServer(Func<string, string?> answer)
    {
        this.answer = answer;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Port = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        listener.Prefixes.Add(Address("http").ToString());
        listener.Start();
        listener.BeginGetContext(Asked, null);
    }

    public int Port { get; }

    /// <summary>What it was asked for, in order.</summary>
    public ConcurrentQueue<Uri> Requests { get; } = [];

    /// <summary>The status of each answer, by path.</summary>
    public Func<string, HttpStatusCode> Status { get; init; } = _ => HttpStatusCode.OK;

    /// <summary>Where it sends each request on to, with 308; <c>null</c> for nowhere.</summary>
    public Uri? Elsewhere { get; init; }

    public Uri Address(string scheme) => new($"{scheme}://127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}/");

    public void Dispose() => listener.Abort();

    private void Asked(IAsyncResult result)
    {
        if (!listener.IsListening)
            return;
        var context = listener.EndGetContext(result);
        listener.BeginGetContext(Asked, null);
        Requests.Enqueue(context.Request.Url!);
        if (answer(context.Request.Url!.AbsolutePath) is not { } json)
            return;
        context.Response.StatusCode = (int)Status(context.Request.Url.AbsolutePath);
        if (Elsewhere is not null)
            (context.Response.StatusCode, context.Response.RedirectLocation) = ((int)HttpStatusCode.PermanentRedirect, Elsewhere.ToString());
        context.Response.ContentType = "application/json";
        context.Response.Close(Encoding.UTF8.GetBytes(json), willBlock: true);
    }
}
