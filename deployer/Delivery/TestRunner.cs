using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Runs a service's own integration tests, a container that ends with 0 if and only if they passed.</summary>
internal sealed class TestRunner(ContainerHost host, Narrator narrator, TimeProvider time)
{
    /// <summary>What <c>timeout(1)</c> answers for a command that it had to end.</summary>
    public const int TimedOut = 124;

    /// <summary>What a shell answers for a command that SIGKILL ended; of a container that was removed nobody knows more.</summary>
    public const int Killed = 137;

    private static readonly TimeSpan RemovedWithin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(5);

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
            var exitCode = await EndAsync(id, container.Image, tail, patience.Token, either.Token) ?? await OverdueAsync(id, timeout, ct);
            var (passed, failed) = ClosingLine.Read(tail.Lines);
            return new TestRun(
                container.Image, exitCode, passed, failed, Math.Round(time.GetElapsedTime(began).TotalSeconds, 3), tail.ToString());
        }
        finally
        {
            await RemoveAsync(id, container.Name);
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
            // What ended it came after its last line.
            { ExitCode: Killed, Failed: null or 0 } => $"{service} {version} was rejected by {tests}: they were killed, or their container was removed (exit code {run.ExitCode}). {next}",
            { Passed: { } passed, Failed: { } failed } =>
                $"{service} {version} was rejected by {tests}: {passed} passed, {failed} failed (exit code {run.ExitCode}). {next}",
            _ => $"{service} {version} was rejected by {tests}: they ended with exit code {run.ExitCode}. {next}",
        };
    }

    /// <returns>What they ended with; <c>null</c> if that is not known in time.</returns>
    private async Task<int?> EndAsync(string id, string image, LogTail tail, CancellationToken timeout, CancellationToken ct)
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
            return null;
        }
        catch (DockerContainerNotFoundException)
        {
            return Killed;
        }
    }

    // A Docker that hangs would pass for tests that do.
    private async Task<int> OverdueAsync(string id, TimeSpan timeout, CancellationToken ct)
    {
        var over = $"Docker hangs: {DurationText.Write(timeout)}, all the time that the tests have, are over, and it";
        using var patience = new CancellationTokenSource(AnswersWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            return (await host.InspectAsync(id, either.Token)).State switch
            {
                { Status: "created" } => throw new DeliveryException(ExitCode.Unreachable, $"{over} has not started them. {Faults.DockerMend}"),
                { Running: false, ExitCode: var exitCode } => (int)exitCode,
                _ => TimedOut,
            };
        }
        catch (DockerContainerNotFoundException)
        {
            return Killed;
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new DeliveryException(ExitCode.Unreachable, $"{over} does not tell within {DurationText.Write(AnswersWithin)} whether they still run. {Faults.DockerMend}", error);
        }
    }

    // How the tests ended is known by then: that their container stays must not take its place.
    private async Task RemoveAsync(string id, string? name)
    {
        using var deadline = new CancellationTokenSource(RemovedWithin, time);
        try
        {
            await host.RemoveAsync(id, deadline.Token);
        }
        catch (Exception error) when (Faults.Explain(error) is { } fault)
        {
            var cause = deadline.IsCancellationRequested ? $"it took longer than {DurationText.Write(RemovedWithin)}" : fault.Message;
            narrator.Warn($"the tests' container {name}{(host.IsOneOfSeveral ? $" on {host.Name}" : "")} is left to the next deploy or abort: {cause}");
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
