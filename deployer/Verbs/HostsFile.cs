using ServiceMesh.Deployer.Hosts;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>The file of hosts on the CI host's disk.</summary>
internal static class HostsFile
{
    public static HostList Read(string path, string publish)
    {
        var text = InputFile.Text(path, "file of hosts", "Name it with --hosts or MESH_HOSTS.");
        var (hosts, errors) = HostsReader.Read(text, publish, Environment.GetEnvironmentVariable);
        return hosts ?? throw InputFile.Invalid(path, "file of hosts", errors);
    }
}
