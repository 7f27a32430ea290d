using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Observing;

/// <summary>What is told of each request; from the same sources as <see cref="ProxyOptions"/>.</summary>
internal sealed class ObservingOptions
{
    /// <summary>The output's own sign.</summary>
    public const string StandardOutput = "-";

    /// <summary>The file that each request is a line of; <c>-</c> is the standard output. Without it there is none.</summary>
    public string? AccessLog { get; set; }
}

/// <summary>Finds all that is wrong with these settings, and with OpenTelemetry's own as far as they are needed.</summary>
internal sealed class ObservingOptionsValidator(IConfiguration configuration) : IValidateOptions<ObservingOptions>
{
    public ValidateOptionsResult Validate(string? name, ObservingOptions options)
    {
        List<string> faults = [];
        if (options.AccessLog is { } file && (string.IsNullOrWhiteSpace(file) || Directory.Exists(file)))
            faults.Add($"accessLog '{file}' is no file: name one, or - for the standard output (--access-log or PROXY_ACCESS_LOG)");
        if (Tracing.EndpointOf(configuration) is { } endpoint
            && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"))
        {
            faults.Add($"{Tracing.EndpointVariable} '{endpoint}' is no address: give one like http://127.0.0.1:4317");
        }

        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
