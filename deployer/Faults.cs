using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Consul;
using Docker.DotNet;
using ServiceMesh.Docker;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer;

/// <summary>The one place where a failure of a part becomes an exit code and a sentence.</summary>
internal static class Faults
{
    public const string ConsulMend = "Is Consul running there? Name another address with --consul or CONSUL_HTTP_ADDR.";

    public const string DockerMend = "Is it running, and may you use it? Name another address with --docker or DOCKER_HOST.";

    private static readonly string[] RefusedByContent = ["OCI runtime create failed", "unable to find user", "unable to find group"];

    /// <returns>The failure as it is told; <c>null</c> for a bug, which is to crash.</returns>
    public static DeliveryException? Explain(Exception error) => error switch
    {
        DeliveryException known => known,
        ConsulRequestException { Fault: ConsulFault.Forbidden } =>
            new DeliveryException(ExitCode.Unreachable, $"{Sentence(error)} Give a token that may do this in CONSUL_HTTP_TOKEN.", error),
        ConsulRequestException => new DeliveryException(ExitCode.Unreachable, $"{Sentence(error)} {ConsulMend}", error),
        ConsulConfigurationException => new DeliveryException(ExitCode.WrongInput, Sentence(error), error),
        // It tells by itself what to do about it.
        DockerUnreachableException when error.GetBaseException() is SshException => new DeliveryException(ExitCode.Unreachable, Sentence(error), error),
        DockerUnreachableException => new DeliveryException(ExitCode.Unreachable, $"{Sentence(error)} {DockerMend}", error),
        DockerApiException api => new DeliveryException(ExitCode.Unreachable, $"Docker refused a call ({(int)api.StatusCode}): {DockerSaid(api)}. Mend that on its host, then run this again.", error),
        // Consul's client wraps its own, and the proxies' are handled where they are asked.
        _ when Reasons(error).Any(reason => reason is HttpRequestException or IOException or SocketException or TimeoutException or OperationCanceledException) =>
            new DeliveryException(ExitCode.Unreachable, $"Docker stopped answering: {Sentence(error.GetBaseException())} {DockerMend}", error),
        _ => null,
    };

    /// <summary>Ctrl+C or SIGTERM, before anything changed.</summary>
    public static DeliveryException Interrupted() => new(ExitCode.Interrupted, "interrupted; production is unchanged. Run this again.") { Reason = "interrupted" };

    /// <summary>The lock went, before anything changed.</summary>
    public static DeliveryException LockLost(string service)
    {
        var why = $"the lock of {service} was lost (Consul was out of reach for more than {ServiceLock.TimeToLive.TotalSeconds:0} s, or its session was destroyed)";
        return new DeliveryException(ExitCode.Locked, $"{why}; production is unchanged. Run this again.") { Reason = why };
    }

    /// <summary>What stands under a service's key is nothing that could be changed.</summary>
    public static DeliveryException NoDocument(string service, string fault) =>
        new(ExitCode.WrongInput, $"what Consul KV holds for {service} is no document: {fault}. Delete or mend that key, then run this again.");

    /// <summary>Containers run that look like what an attempt left behind, and Consul does not know them.</summary>
    public static DeliveryException NotRegistered(string service, string containers, string hosts, string consul) => new(
        ExitCode.WrongInput,
        $"containers of {service} run that Consul at {consul} knows nothing of ({containers}): by another Consul they may serve, so none of them is removed. Is it the Consul of these Docker hosts (--consul, "
        + $"CONSUL_HTTP_ADDR), and does the registry-sidecar run on {hosts}? If nobody needs them, remove them there with 'docker rm --force {containers}', then run this again.")
    {
        Reason = $"containers of {service} run on {hosts} that Consul at {consul} knows nothing of ({containers}), so they are left: by another Consul they may serve",
    };

    /// <summary>A proxy serves what Consul has no document of any more.</summary>
    public static DeliveryException DocumentLost(string service, string proxy, string url, string consul) => new(
        ExitCode.WrongInput,
        $"Consul at {consul} has lost the document of {service}: proxy {proxy} at {url} still serves it by its last good state, so no container is removed. Restore a snapshot of Consul, or make what serves "
        + $"active again with 'deployer promote {service} <id> --route …'. If the document was deleted on purpose, run this again when {url}/services/{service} answers 404.");

    /// <summary>Docker refused to make or start the containers of a release. Trouble of its own is not the release's.</summary>
    public static DeliveryException CannotStart(string release, DockerApiException error) => IsDockersOwn(error)
        ? new(ExitCode.Unreachable, $"{release} cannot be started, for {DockerFailed(error)}", error)
        : new(ExitCode.Unhealthy, $"{release} cannot be started: {DockerSaid(error)}. Production is unchanged. Mend its image or what is asked for it, then run this again.", error);

    /// <summary>Docker refused to make or start the container of tests. Trouble of its own is not their image's.</summary>
    public static DeliveryException CannotTest(string image, DockerApiException error) => IsDockersOwn(error)
        ? new(ExitCode.Unreachable, $"the tests image {image} cannot be started, for {DockerFailed(error)}", error)
        : new(ExitCode.WrongInput, $"the tests image {image} cannot be started: {DockerSaid(error)}. Mend its entry point.", error);

    /// <summary>The Engine's own words, without the JSON around them.</summary>
    public static string DockerSaid(DockerApiException error)
    {
        try
        {
            using var body = JsonDocument.Parse(error.ResponseBody ?? "");
            if (body.RootElement.TryGetProperty("message", out var message) && message.GetString() is { } text)
                return text.Trim();
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            // Not the Engine's JSON: its text is the best that there is.
        }

        return string.IsNullOrWhiteSpace(error.ResponseBody) ? error.StatusCode.ToString() : error.ResponseBody.Trim();
    }

    // It answers 500 as well to what the runtime or the image refuses, and has no other mark for that than its words.
    private static bool IsDockersOwn(DockerApiException error) =>
        error.StatusCode >= HttpStatusCode.InternalServerError && !RefusedByContent.Any(words => DockerSaid(error).Contains(words, StringComparison.Ordinal));

    private static string DockerFailed(DockerApiException error) => $"Docker failed ({(int)error.StatusCode}): {DockerSaid(error)}. Mend its host, then run this again.";

    private static IEnumerable<Exception> Reasons(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
            yield return error;
    }

    private static string Sentence(Exception error) => error.Message.TrimEnd('.', ' ') + ".";
}
