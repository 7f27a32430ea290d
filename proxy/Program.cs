using Microsoft.Extensions.Options;
using ServiceMesh.Proxy;

try
{
    await using var app = ProxyApplication.Build(args);
    await app.RunAsync();
    return 0;
}
catch (OptionsValidationException error)
{
    foreach (var fault in error.Failures)
        await Console.Error.WriteLineAsync($"proxy: {fault}");
    return 1;
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidOperationException)
{
    await Console.Error.WriteLineAsync($"proxy: {error.GetBaseException().Message}");
    return 1;
}
