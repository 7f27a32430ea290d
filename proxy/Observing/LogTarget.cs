using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ServiceMesh.Proxy.Observing;

/// <summary>The file that lines are added to, or the standard output. It is opened anew when it was moved away, or on demand.</summary>
internal sealed partial class LogTarget(string path) : IDisposable
{
    private Stream? stream;
    private volatile bool isDue;

    public string Path => path;

    private bool IsFile => path != ObservingOptions.StandardOutput;

    /// <exception cref="IOException">It cannot be opened; the next lines are to try again.</exception>
    public void Open()
    {
        // First: what is asked for meanwhile is not done yet.
        isDue = false;
        try
        {
            var next = IsFile ? new FileStream(Append(path), FileAccess.Write, bufferSize: 0) : Console.OpenStandardOutput();
            stream?.Dispose();
            stream = next;
        }
        catch
        {
            isDue = true;
            throw;
        }
    }

    /// <summary>The next lines go to the file that has the name then.</summary>
    public void ReopenNext() => isDue = true;

    /// <exception cref="IOException">It cannot be opened or written.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> lines)
    {
        if (isDue || (IsFile && !File.Exists(path)))
            Open();
        await stream!.WriteAsync(lines);
        await stream.FlushAsync();
    }

    public void Dispose() => stream?.Dispose();

    // .NET's own appending writes where the file ended when it was opened: over what another proxy, one that takes over, wrote since.
    private static SafeFileHandle Append(string path)
    {
        const int WriteOnly = 0x1, ReadWrite = 0x2, CreateAppendCloseOnExec = 0x40 | 0x400 | 0x80000;
        const int ReadableByGroup = 0x1A0;
        const int AccessDenied = 13;
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        // To open a pipe for writing waits for its reader, and so would the start; whoever opens it for both is one himself, but only so
        // long: without any, lines must fail, and not fill it. A file may be one that is only written.
        using var reader = OpenFile(path, ReadWrite | CreateAppendCloseOnExec, ReadableByGroup);
        if (reader.IsInvalid && Marshal.GetLastPInvokeError() != AccessDenied)
            throw new IOException(Marshal.GetLastPInvokeErrorMessage() + ".");
        var handle = OpenFile(path, WriteOnly | CreateAppendCloseOnExec, ReadableByGroup);
        return handle.IsInvalid ? throw new IOException(Marshal.GetLastPInvokeErrorMessage() + ".") : handle;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial SafeFileHandle OpenFile(string path, int flags, int mode);
}
