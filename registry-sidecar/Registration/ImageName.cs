namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The name that a service gets when nobody named it.</summary>
internal static class ImageName
{
    /// <summary>The image's last path part without tag and digest: <c>reg:5000/a/b:1</c> is <c>b</c>.</summary>
    public static string ServiceNameOf(string image)
    {
        var name = image.AsSpan();
        if (name.IndexOf('@') is >= 0 and var digest)
            name = name[..digest];
        name = name[(name.LastIndexOf('/') + 1)..];
        if (name.IndexOf(':') is >= 0 and var tag)
            name = name[..tag];
        return name.ToString();
    }
}
