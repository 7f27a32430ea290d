namespace ServiceMesh.Deployer.Manifest;

/// <summary>Reads the <c>image</c> of a section.</summary>
internal static class ImageReader
{
    public static ImageReference? Read(Section section, string what)
    {
        if (section.Required("image", what) is not { } text)
            return null;
        if (ImageReference.TryParse(text, out var image) is { } fault)
            section.Fault("image", fault);
        return image;
    }
}
