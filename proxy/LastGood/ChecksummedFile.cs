using System.Security.Cryptography;
using System.Text;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>
/// A file that is always whole: a line with the SHA-256 of the rest, then the content. It is written beside, flushed and renamed
/// over, and only its owner may read it where that is asked for.
/// </summary>
internal sealed class ChecksummedFile(string path, bool isSecret = false)
{
    private const UnixFileMode OwnersAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public string Path => path;

    /// <exception cref="IOException">It cannot be written, or not for certain.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public async Task WriteAsync(ReadOnlyMemory<byte> content, CancellationToken ct)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        var beside = path + ".new";
        await using (var file = new FileStream(beside, Beside()))
        {
            await file.WriteAsync(Checksum(content.Span), ct);
            await file.WriteAsync(content, ct);
            file.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
        FolderSync.Flush(folder);
    }

    /// <returns>The content; <c>null</c> if there is no such file.</returns>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public byte[]? Read()
    {
        if (!File.Exists(path))
            return null;
        var all = File.ReadAllBytes(path);
        var content = all.AsSpan(all.AsSpan().IndexOf((byte)'\n') + 1);
        return all.AsSpan(0, all.Length - content.Length).SequenceEqual(Checksum(content))
            ? content.ToArray()
            : throw new InvalidDataException("its checksum is wrong");
    }

    private static byte[] Checksum(ReadOnlySpan<byte> content) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(content)) + "\n");

    private FileStreamOptions Beside()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
        if (isSecret && !OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnersAlone;
        return options;
    }
}
