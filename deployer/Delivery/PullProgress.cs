using System.Globalization;
using Docker.DotNet.Models;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>How much of all images that are pulled at a time has come. Pure, but for what it remembers.</summary>
internal sealed class PullProgress
{
    private const double Mega = 1_000_000;

    private readonly Lock counting = new();
    private readonly Dictionary<(string Pull, string Layer), (long Come, long Size)> layers = [];

    /// <param name="pull">The pull that the message is of.</param>
    /// <param name="message">The message.</param>
    /// <returns>How much has come, in a few words; <c>null</c> where the message says nothing of that.</returns>
    public string? Note(string pull, JSONMessage message)
    {
        lock (counting)
        {
            var layer = (pull, message.ID ?? "");
            if (message is { Status: "Downloading", Progress: { Current: { } current, Total: > 0 and { } total } })
                layers[layer] = (current, total);
            else if (message.Status == "Download complete" && layers.TryGetValue(layer, out var known))
                layers[layer] = (known.Size, known.Size);
            else
                return null;
            return string.Create(
                CultureInfo.InvariantCulture, $"{layers.Values.Sum(one => one.Come) / Mega:0.0} of {layers.Values.Sum(one => one.Size) / Mega:0.0} MB");
        }
    }
}
