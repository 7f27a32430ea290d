using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>
/// Makes a rename outlast a power cut: a file's name is its folder's content, and on Linux that is written for certain only
/// by fsync(2) of the folder, which .NET does not offer.
/// </summary>
internal static class FolderSync
{
    private const int ReadOnlyDirectory = 0x10000;

    public static void Flush(string folder)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var handle = Open(Encoding.UTF8.GetBytes(Path.GetFullPath(folder) + "\0"), ReadOnlyDirectory);
        if (handle < 0)
            throw Failure("opened", folder);
        try
        {
            if (Fsync(handle) != 0)
                throw Failure("flushed", folder);
        }
        finally
        {
            _ = Close(handle);
        }
    }

    private static IOException Failure(string what, string folder) =>
        new($"the folder {folder} could not be {what}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Fsync(int handle);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int handle);
}
