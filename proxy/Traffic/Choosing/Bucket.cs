using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ServiceMesh.Proxy.Traffic.Choosing;

/// <summary>A client's place among all clients, 0 to 9999, which decides its side of a split.</summary>
internal static class Bucket
{
    public const int Count = 10_000;

    public static int New() => Random.Shared.Next(Count);

    /// <summary>
    /// Whether the client is on the split's side. A larger share keeps all that were on it; and each release begins at
    /// another place, so that it is not the same clients who meet every new release first.
    /// </summary>
    /// <param name="bucket">The client's place.</param>
    /// <param name="start">Where the split begins, see <see cref="StartOf"/>.</param>
    /// <param name="share">The split's share in percent.</param>
    public static bool IsSplit(int bucket, int start, double share) => (bucket + start) % Count < share * (Count / 100);

    /// <summary>Where a release's share begins, 0 to 9999; by chance, but for one release always the same at all proxies.</summary>
    public static int StartOf(string deployment) =>
        (int)(BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(deployment))) % Count);
}
