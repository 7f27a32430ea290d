using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>How a verb ends that only prints: what could not be written was not told.</summary>
internal static class ToldCode
{
    public static int Of(TextWriter output) => (int)(output is BestEffortWriter { Fault: not null } ? ExitCode.WrongInput : ExitCode.Done);
}
