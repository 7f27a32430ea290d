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

    /// <param name="write">Writes the content, of whatever length: it is never in memory as a whole.</param>
    /// <param name="ct">Ends the writing; the file is what it was.</param>
    /// <exception cref="IOException">It cannot be written, or not for certain.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public async Task WriteAsync(Func<Stream, Task> write, CancellationToken ct)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        var beside = path + ".new";
        await using (var file = new FileStream(beside, Beside()))
        {
            // Its place, until it is known.
            await file.WriteAsync(FirstLine(new byte[SHA256.HashSizeInBytes]), ct);
            using var hash = SHA256.Create();
            await using (var hashed = new CryptoStream(file, hash, CryptoStreamMode.Write, leaveOpen: true))
                await write(hashed);
            file.Position = 0;
            await file.WriteAsync(FirstLine(hash.Hash), ct);
            file.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
        FolderSync.Flush(folder);
    }

    /// <returns>The content; <c>null</c> if there is no such file.</returns>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public ReadOnlyMemory<byte>? Read()
    {
        if (!File.Exists(path))
            return null;
        var all = File.ReadAllBytes(path);
        var content = all.AsMemory(all.AsSpan().IndexOf((byte)'\n') + 1);
        return all.AsSpan(0, all.Length - content.Length).SequenceEqual(FirstLine(SHA256.HashData(content.Span)))
            ? content
            : throw new InvalidDataException("its checksum is wrong");
    }

    private static byte[] FirstLine(ReadOnlySpan<byte> hash) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash) + "\n");

    private FileStreamOptions Beside()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
        if (isSecret && !OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnersAlone;
        return options;
    }
}
