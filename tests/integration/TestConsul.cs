using Testcontainers.Consul;

namespace ServiceMesh.Tests.Integration;

/// <summary>The Consul of tests.</summary>
internal static class TestConsul
{
    /// <summary>All proxies, sidecars and deployers of a test run are one client to it; by default that may have 200 connections.</summary>
    public const string Limits = "limits { http_max_conns_per_client = 2000 }";

    /// <summary>The label of all that tests leave on Docker if they are killed: whoever clears up finds it by that.</summary>
    public const string Label = "mesh.test";

    public static ConsulBuilder Builder() => new ConsulBuilder().WithLabel(Label, "true").WithCommand("-hcl", Limits);
}
