using RecommendationService.IntegrationTests;
using Xunit.Runner.Common;
using Xunit.Sdk;

[assembly: RegisterRunnerReporter(typeof(SummaryLineReporter))]

namespace RecommendationService.IntegrationTests;

/// <summary>The default report, then as its last line "N passed, N failed, N skipped": the line that a deployer reads.</summary>
internal sealed class SummaryLineReporter : DefaultRunnerReporter, IRunnerReporter
{
    bool IRunnerReporter.CanBeEnvironmentallyEnabled => true;

    bool IRunnerReporter.IsEnvironmentallyEnabled => true;

    string? IRunnerReporter.RunnerSwitch => null;

    ValueTask<IRunnerReporterMessageHandler> IRunnerReporter.CreateMessageHandler(
        IRunnerLogger logger, IMessageSink? diagnosticMessageSink) => new(new SummaryLineHandler(logger));
}

internal sealed class SummaryLineHandler(IRunnerLogger logger) : DefaultRunnerReporterMessageHandler(logger)
{
    protected override void HandleTestExecutionSummaries(MessageHandlerArgs<TestExecutionSummaries> args)
    {
        base.HandleTestExecutionSummaries(args);

        int passed = 0, failed = 0, skipped = 0;
        foreach ((_, ExecutionSummary summary) in args.Message.SummariesByAssemblyUniqueID)
        {
            passed += summary.Total - summary.Failed - summary.Skipped - summary.NotRun;
            failed += summary.Failed + summary.Errors;
            skipped += summary.Skipped;
        }

        Logger.LogRaw($"{passed} passed, {failed} failed, {skipped} skipped");
    }
}
