using System.CommandLine;
using System.Globalization;
using System.Text;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer init localhost:5000/demo:v1</c></summary>
internal static class InitVerb
{
    private static readonly Argument<string> Image = new("image") { Description = "the service's image; pulled if this Docker host does not have it" };

    private static readonly Option<string> File = new("--file")
    {
        Description = "where to; what is there already is not overwritten",
        HelpName = "path",
        DefaultValueFactory = _ => "service.yaml",
    };

    public static Command Create()
    {
        var command = new VerbCommand(
            "init",
            "Writes a commented service.yaml for an image, with the port that it exposes.",
            "deployer init localhost:5000/demo:v1 --file demo/service.yaml")
        {
            Image,
            File,
        };
        command.SetAction((parse, ct) => VerbRunner.TellAsync(
            parse, (mesh, _, token) => WriteAsync(mesh, parse.GetRequiredValue(Image), parse.GetRequiredValue(File), token), json => json.InitReport, Table, ct));
        return command;
    }

    private static async Task<InitReport> WriteAsync(Mesh mesh, string name, string path, CancellationToken ct)
    {
        if (System.IO.File.Exists(path))
            throw Exists(path);
        if (ImageReference.TryParse(name, out var image) is { } fault)
            throw new DeliveryException(ExitCode.WrongInput, fault);
        var tagged = image!.At(image.Tag ?? "latest");
        var ports = await (await mesh.TestsHostAsync(ct)).Images.ExposedPortsAsync(tagged, ct);
        var (text, port) = ManifestTemplate.Of(image, ports);
        await SaveAsync(path, file => file.WriteAsync(Encoding.UTF8.GetBytes(text), ct).AsTask());
        return new InitReport(path, ManifestTemplate.NameOf(image), image.Repository, port, tagged.Tag!);
    }

    /// <summary>Writes a file that is not there yet, in whole or not at all.</summary>
    public static async Task SaveAsync(string path, Func<Stream, Task> write)
    {
        try
        {
            await using var file = new FileStream(path, FileMode.CreateNew);
            try
            {
                await write(file);
                await file.FlushAsync(CancellationToken.None);
            }
            catch
            {
                // A part of it would be in the way of the next.
                System.IO.File.Delete(path);
                throw;
            }
        }
        catch (IOException) when (System.IO.File.Exists(path))
        {
            throw Exists(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DeliveryException(ExitCode.WrongInput, $"'{path}' cannot be written: {error.Message.TrimEnd('.')}. Name another place with --file", error);
        }
    }

    private static DeliveryException Exists(string path) =>
        new(ExitCode.WrongInput, $"'{path}' is there already and is not overwritten: name another with --file");

    private static Columns Table(InitReport report) => new(
        ["MANIFEST", "SERVICE", "IMAGE", "PORT"],
        [[report.Manifest, report.Service, report.Image, report.Port.ToString(CultureInfo.InvariantCulture)]])
    {
        Next = ShellWords.Join(["deployer", "plan", report.Manifest, "--version", report.Version]),
    };
}

/// <summary>A manifest that was written.</summary>
internal sealed record InitReport(string Manifest, string Service, string Image, int Port, string Version);
