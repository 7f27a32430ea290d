using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>What a sidecar says.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> lines = new();

    public static LogLines Of(IHost sidecar)
    {
        var listener = new LogLines();
        listener.Hear(sidecar);
        return listener;
    }

    /// <summary>Hears a sidecar from now on: all of what it says, if it has not begun yet.</summary>
    public void Hear(IHost sidecar) => sidecar.Services.GetRequiredService<ILoggerFactory>().AddProvider(this);

    /// <summary>Waits for a line of which all these are part.</summary>
    public async Task<string> UntilAsync(params string[] parts)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            if (lines.FirstOrDefault(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))) is { } found)
                return found;
            Assert.False(late.IsCancellationRequested, $"Nobody said {string.Join(" … ", parts)}, only:\n{string.Join('\n', lines)}");
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue(formatter(state, exception));

    public void Dispose()
    {
        // Nothing is held.
    }
}
