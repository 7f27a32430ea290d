using System.Net;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>
/// A request's body of which each part goes on when it comes, where .NET's client gathers some kilobytes first: nobody told its length,
/// so it may be a stream, and the next part far away.
/// </summary>
internal sealed class PromptBody : HttpContent
{
    private readonly HttpContent body;

    private PromptBody(HttpContent body)
    {
        this.body = body;
        foreach (var (name, values) in body.Headers.NonValidated)
            Headers.TryAddWithoutValidation(name, values);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        body.CopyToAsync(new PartStream(stream), context, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    /// <summary>Makes the bodies without a length prompt. Behind the forwarder, which allows no other body than its own.</summary>
    internal sealed class Handler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Content is { Headers.ContentLength: null } body)
                request.Content = new PromptBody(body);
            return base.SendAsync(request, cancellationToken);
        }
    }

    private sealed class PartStream(Stream to) : Stream
    {
        private bool hasBegun;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await to.WriteAsync(buffer, cancellationToken);
            await to.FlushAsync(cancellationToken);
            hasBegun = true;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        // Before the first part it sends the headers; afterwards nothing is left to be sent.
        public override Task FlushAsync(CancellationToken cancellationToken) => hasBegun ? Task.CompletedTask : to.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
