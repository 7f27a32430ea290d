using System.Diagnostics;

namespace ServiceMesh.Docker;

/// <summary>A connection to the Engine of a host that only ssh leads to, through the user's own <c>ssh</c> command and its settings.</summary>
internal sealed class SshStream : Stream
{
    private readonly Process process;
    private readonly Stream input;
    private readonly Stream output;
    private readonly Task<string> complaint;
    private readonly Uri host;
    private bool heard;

    private SshStream(Process process, Uri host)
    {
        (this.process, this.host) = (process, host);
        (input, output) = (process.StandardInput.BaseStream, process.StandardOutput.BaseStream);
        complaint = process.StandardError.ReadToEndAsync();
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public static SshStream Open(Uri host)
    {
        var start = new ProcessStartInfo("ssh") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // Nobody is there to be asked for a password, and a host that is gone is not waited for by the minute.
        foreach (var argument in (string[])["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5", "-T"])
            start.ArgumentList.Add(argument);
        if (host.UserInfo.Length > 0)
            Add(start, "-l", host.UserInfo);
        if (host.Port > 0)
            Add(start, "-p", $"{host.Port}");
        Add(start, "--", host.Host, "docker", "system", "dial-stdio");
        try
        {
            return new SshStream(Process.Start(start)!, host);
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new IOException($"the ssh command cannot be run: {error.Message}", error);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await output.ReadAsync(buffer, cancellationToken);
        // Not one byte came: ssh failed, or what it was to run there, and it says why.
        if (count == 0 && !heard && await complaint is var why && !string.IsNullOrWhiteSpace(why))
            throw new SshException(host, why);
        heard |= count > 0;
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await input.WriteAsync(buffer, cancellationToken);
            await input.FlushAsync(cancellationToken);
        }
        catch (IOException) when (process.HasExited)
        {
            // The read that follows tells why it ended.
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => output.Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count) => input.Write(buffer, offset, count);

    public override void Flush() => input.Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (!process.HasExited)
                process.Kill();
            process.Dispose();
        }

        base.Dispose(disposing);
    }

    private static void Add(ProcessStartInfo start, params string[] arguments)
    {
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
    }
}
