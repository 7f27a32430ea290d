namespace RecommendationService.IntegrationTests;

internal static class ServiceAddress
{
    /// <summary>The base address; it ends in a slash, so that a service behind a path (http://proxy/demo) can be tested too.</summary>
    public static Uri Parse(string url) =>
        Uri.TryCreate(url.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address)
        && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
            ? address
            : throw new InvalidOperationException(
                $"URL={url} is not an address. Give http://host:port of the service to test, for example http://localhost:8080.");
}
