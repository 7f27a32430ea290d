using ServiceMesh.Proxy.Listening;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>
/// A request's body that has to come at a least rate until its answer begins: afterwards the two sides may talk as slowly as they like.
/// Counted as Kestrel counts: over the time that bytes are waited for, after a grace.
/// </summary>
/// <param name="body">The body.</param>
/// <param name="rate">The least bytes a second.</param>
/// <param name="isAnswered">Whether the instance has begun its answer.</param>
/// <param name="time">The clock.</param>
internal sealed class RatedBody(Stream body, int rate, Func<bool> isAnswered, TimeProvider time) : Stream
{
    // Timers take no more than 49 days, which a large body may have earned; no route is silent for as long as this.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private TimeSpan waited;
    private long received;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    private TimeSpan Left
    {
        get
        {
            var earned = TimeSpan.FromSeconds((double)received / rate);
            var left = (earned > ListeningOptions.RateGrace ? earned : ListeningOptions.RateGrace) - waited;
            return left < TimeSpan.Zero ? TimeSpan.Zero : left < Longest ? left : Longest;
        }
    }

    /// <exception cref="BadHttpRequestException">It comes too slowly: 408.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (isAnswered())
            return await body.ReadAsync(buffer, cancellationToken);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = body.ReadAsync(buffer, late.Token);
        var read = reading.IsCompleted ? await reading : await InTimeAsync(reading, late, cancellationToken);
        received += read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    // The read is ended, not left behind: its buffer is another's afterwards.
    private async ValueTask<int> InTimeAsync(ValueTask<int> reading, CancellationTokenSource late, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        // Disposed of behind its last call: it must not meet a source that is disposed of.
        await using var timer = time.CreateTimer(_ => End(late), state: null, Left, Timeout.InfiniteTimeSpan);
        try
        {
            return await reading;
        }
        catch (OperationCanceledException error) when (late.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new BadHttpRequestException($"The request's body came with less than {rate} bytes a second.", StatusCodes.Status408RequestTimeout, error);
        }
        finally
        {
            waited += time.GetElapsedTime(began);
        }
    }

    private void End(CancellationTokenSource late)
    {
        if (!isAnswered())
            late.Cancel();
    }
}
