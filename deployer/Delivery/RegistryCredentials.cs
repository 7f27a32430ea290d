using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Docker.DotNet.Models;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>
/// Who this user is to an image registry, by what <c>docker login</c> left behind: <c>config.json</c> in <c>DOCKER_CONFIG</c> or
/// <c>~/.docker</c>, with its credential helpers (https://docs.docker.com/reference/cli/docker/login/#credential-stores).
/// </summary>
/// <param name="config">The file's text; empty if there is none.</param>
/// <param name="helper">Asks <c>docker-credential-NAME get</c> about a registry; <c>null</c> if it knows nothing.</param>
internal sealed class RegistryCredentials(string config, Func<string, string, CancellationToken, Task<string?>> helper)
{
    // What the docker command calls its own registry in that file.
    private const string Hub = "https://index.docker.io/v1/";

    // A person may have to unlock it.
    private static readonly TimeSpan HelperWithin = TimeSpan.FromSeconds(30);

    public static RegistryCredentials OfThisUser(TimeProvider time)
    {
        var folder = Environment.GetEnvironmentVariable("DOCKER_CONFIG") is { Length: > 0 } named
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker");
        var file = Path.Combine(folder, "config.json");
        try
        {
            return new RegistryCredentials(File.Exists(file) ? File.ReadAllText(file) : "", (name, registry, ct) => AskHelperAsync(name, registry, time, ct));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DeliveryException(ExitCode.WrongInput, $"{file} cannot be read: {error.Message.TrimEnd('.')}. Mend that, or name another folder in DOCKER_CONFIG", error);
        }
    }

    /// <summary>What a pull of the repository shows; <c>null</c> for nothing.</summary>
    public async Task<AuthConfig?> ForAsync(string repository, CancellationToken ct)
    {
        if (config.Length == 0)
            return null;
        var registry = RegistryOf(repository);
        try
        {
            using var document = JsonDocument.Parse(config);
            var root = document.RootElement;
            var named = Text(root, "credHelpers", registry) ?? Text(root, "credsStore");
            if (named is not null && await helper(named, registry, ct) is { } told)
                return FromHelper(told, registry);
            if (!root.TryGetProperty("auths", out var auths) || !auths.TryGetProperty(registry, out var entry))
                return null;
            if (Text(entry, "identitytoken") is { Length: > 0 } token)
                return new AuthConfig { ServerAddress = registry, IdentityToken = token };
            return Text(entry, "auth") is { Length: > 0 } auth && Encoding.UTF8.GetString(Convert.FromBase64String(auth)).Split(':', 2) is [var user, var password]
                ? new AuthConfig { ServerAddress = registry, Username = user, Password = password }
                : null;
        }
        catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
        {
            // The text itself may hold a password.
            throw new DeliveryException(ExitCode.WrongInput, $"Docker's config.json cannot be understood where it tells of {registry}: log in again with 'docker login {registry}'", error);
        }
    }

    /// <summary>The registry of a repository, by Docker's own rule: the first part is one if it has a dot or a colon, or is localhost. Its own has other names.</summary>
    public static string RegistryOf(string repository) =>
        repository.Split('/', 2) is [var first, _] && (first.Contains('.') || first.Contains(':') || first == "localhost") && first is not ("docker.io" or "index.docker.io") ? first : Hub;

    private static AuthConfig FromHelper(string told, string registry)
    {
        using var answer = JsonDocument.Parse(told);
        var (user, secret) = (Text(answer.RootElement, "Username"), Text(answer.RootElement, "Secret"));
        // The helpers' protocol has this name stand for a token instead of a person.
        return user == "<token>"
            ? new AuthConfig { ServerAddress = registry, IdentityToken = secret }
            : new AuthConfig { ServerAddress = registry, Username = user, Password = secret };
    }

    private static string? Text(JsonElement element, params string[] path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                return null;
        }

        return element.GetString();
    }

    /// <summary>Asks the credential helper of that name about a registry.</summary>
    public static async Task<string?> AskHelperAsync(string name, string registry, TimeProvider time, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(HelperWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        var start = new ProcessStartInfo($"docker-credential-{name}", "get") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        try
        {
            using var process = Process.Start(start)!;
            try
            {
                await process.StandardInput.WriteAsync(registry);
                process.StandardInput.Close();
                var answer = await process.StandardOutput.ReadToEndAsync(either.Token);
                await process.WaitForExitAsync(either.Token);
                return process.ExitCode == 0 ? answer : null;
            }
            finally
            {
                // Nobody waits for it any more, nor for what it has started.
                if (!process.HasExited)
                    process.Kill(entireProcessTree: true);
            }
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new DeliveryException(
                ExitCode.Unreachable,
                $"docker-credential-{name}, which Docker's config.json names, did not answer within {DurationText.Write(HelperWithin)}: 'echo {registry} | docker-credential-{name} get' shows what it waits for. "
                + $"Mend that, or take it out of that file and log in again with 'docker login {registry}'",
                error);
        }
        catch (Win32Exception error)
        {
            throw new DeliveryException(ExitCode.WrongInput, $"docker-credential-{name}, which Docker's config.json names, cannot be run: {error.Message.TrimEnd('.')}. Install it, or take it out of that file and log in again with 'docker login {registry}'", error);
        }
    }
}
