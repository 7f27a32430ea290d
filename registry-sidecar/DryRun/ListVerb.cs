using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.DryRun;

/// <summary><c>registry-sidecar list</c>: what would be registered, and why the rest is left out.</summary>
internal static class ListVerb
{
    /// <exception cref="PreviewException">Docker does not answer.</exception>
    /// <exception cref="ConsulConfigurationException">One of Consul's environment variables cannot be used.</exception>
    public static async Task<int> RunAsync(SidecarOptions options, bool json, TextWriter output, CancellationToken ct)
    {
        using var consul = new ConsulClient(consul => consul.Address = ConsulAddress.Of(options, consul.Address));
        var store = new MeshStore(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));
        var host = await new HostReader(options, consul, store, TimeProvider.System).ReadAsync(ct);
        var preview = Preview.Of(host, options);
        if (json)
            await output.WriteLineAsync(JsonSerializer.Serialize(preview, PreviewJson.Readable));
        else
            new PreviewTable(output, output == Console.Out && !Console.IsOutputRedirected).Show(preview);
        return 0;
    }
}

[JsonSerializable(typeof(Preview))]
internal sealed partial class PreviewJson : JsonSerializerContext
{
    // It goes into no web page, so quotes and other scripts stay readable.
    public static JsonTypeInfo<Preview> Readable { get; } = new PreviewJson(
        new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).Preview;
}
