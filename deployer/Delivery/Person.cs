namespace ServiceMesh.Deployer.Delivery;

/// <summary>Who is delivering, as locks and the history name them.</summary>
internal static class Person
{
    public static string Name { get; } = $"{Environment.UserName}@{Environment.MachineName}";
}
