using System.Net;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a failed pull means for the person who asked for it.</summary>
internal static class PullFailure
{
    // Docker tells the kinds apart by words only; these are the registry protocol's and the Engine's.
    private static readonly string[] Missing =
        ["manifest unknown", "name unknown", "not found", "does not exist", "no matching manifest", "invalid reference format"];

    private static readonly string[] Refused = ["unauthorized", "authentication required", "denied", "no basic auth credentials"];

    public static DeliveryException Explain(ImageReference image, HttpStatusCode status, string message)
    {
        if (Missing.Any(word => message.Contains(word, StringComparison.OrdinalIgnoreCase)) || status == HttpStatusCode.NotFound)
        {
            return new DeliveryException(
                ExitCode.WrongInput,
                $"image {image} is not in its registry: {message}. Push it first, or name another version with --version.");
        }

        if (Refused.Any(word => message.Contains(word, StringComparison.OrdinalIgnoreCase)))
        {
            return new DeliveryException(
                ExitCode.WrongInput,
                $"image {image} may not be pulled: {message}. Log in to its registry with 'docker login' as the user who deploys.");
        }

        return new DeliveryException(
            ExitCode.Unreachable,
            $"image {image} cannot be pulled: {message}. Is its registry running, and reachable from the Docker host?");
    }
}
