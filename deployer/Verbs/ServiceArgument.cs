using System.CommandLine;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>A service's name as an argument.</summary>
internal static class ServiceArgument
{
    public static string Of(ParseResult parse, Argument<string> argument)
    {
        var name = parse.GetRequiredValue(argument);
        return ServiceName.IsValid(name)
            ? name
            : throw new DeliveryException(ExitCode.WrongInput, $"'{name}' is no service name: {ServiceName.Rule}");
    }
}
