using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Runs a service's own integration tests, a container that ends with 0 if and only if they passed.</summary>
internal sealed class TestRunner(ContainerHost host, Narrator narrator, TimeProvider time)
{
    /// <summary>What <c>timeout(1)</c> answers for a command that it had to end.</summary>
    public const int TimedOut = 124;

    public async Task<TestRun> RunAsync(CreateContainerParameters container, TimeSpan timeout, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        var tail = new LogTail();
        // Not cancelled: a container that Docker makes must be known here, so that it can be removed.
        var id = await StartableAsync(container.Image, () => host.CreateAsync(container, CancellationToken.None));
        try
        {
            using var patience = new CancellationTokenSource(timeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
            var exitCode = await EndAsync(id, container.Image, tail, patience.Token, either.Token);
            var (passed, failed) = ClosingLine.Read(tail.Lines);
            return new TestRun(
                container.Image, exitCode, passed, failed, Math.Round(time.GetElapsedTime(began).TotalSeconds, 3), tail.ToString());
        }
        finally
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30), time);
            await host.RemoveAsync(id, deadline.Token);
        }
    }

    public static string? Rejection(string service, string version, TestRun run, TimeSpan timeout)
    {
        var tests = run.Suite is null ? "its tests" : $"its {run.Suite} tests";
        var next = $"Production is unchanged. 'deployer history {service} --json' has what they printed; mend it, then deploy again.";
        return run switch
        {
            { ExitCode: 0 } => null,
            { ExitCode: TimedOut } when run.Seconds >= timeout.TotalSeconds =>
                $"{service} {version} was rejected: {tests} did not end within {DurationText.Write(timeout)}. {next}",
            { Passed: { } passed, Failed: { } failed } =>
                $"{service} {version} was rejected by {tests}: {passed} passed, {failed} failed (exit code {run.ExitCode}). {next}",
            _ => $"{service} {version} was rejected by {tests}: they ended with exit code {run.ExitCode}. {next}",
        };
    }

    private async Task<int> EndAsync(string id, string image, LogTail tail, CancellationToken timeout, CancellationToken ct)
    {
        try
        {
            await StartableAsync(image, async () =>
            {
                await host.StartAsync(id, ct);
                return id;
            });
            await host.FollowOutputAsync(id, line =>
            {
                tail.Add(line);
                narrator.Relay(line);
            }, ct);
            return (int)await host.ExitCodeAsync(id, ct);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return TimedOut;
        }
    }

    private static async Task<string> StartableAsync(string image, Func<Task<string>> call)
    {
        try
        {
            return await call();
        }
        catch (DockerApiException error)
        {
            throw Faults.CannotTest(image, error);
        }
    }
}
