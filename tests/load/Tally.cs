using System.Net;

namespace ServiceMesh.Load;

/// <summary>Counts what came of the requests; called by many at once.</summary>
internal sealed class Tally
{
    private const int FailuresToTell = 10;

    private readonly Lock gate = new();
    private readonly SortedDictionary<int, long> statuses = [];
    private readonly List<string> firstFailures = [];
    private long sent;
    private long failed;
    private TimeSpan last;
    private TimeSpan? firstFailure;
    private TimeSpan? lastFailure;

    public void Answered(HttpStatusCode status, TimeSpan at)
    {
        lock (gate)
        {
            Count(at);
            statuses[(int)status] = statuses.GetValueOrDefault((int)status) + 1;
            if ((int)status is < 200 or > 299)
                Fail($"HTTP {(int)status}", at);
        }
    }

    public void Broke(Exception error, TimeSpan at)
    {
        lock (gate)
        {
            Count(at);
            string cause = error.GetBaseException().Message;
            Fail(error.Message.Contains(cause) ? error.Message : $"{error.Message} {cause}", at);
        }
    }

    public LoadReport Report()
    {
        lock (gate)
        {
            return new LoadReport(
                sent,
                failed,
                Math.Round(last.TotalSeconds, 3),
                new SortedDictionary<int, long>(statuses),
                [.. firstFailures],
                Seconds(firstFailure),
                Seconds(lastFailure));
        }
    }

    private static double? Seconds(TimeSpan? moment) => moment is { } known ? Math.Round(known.TotalSeconds, 3) : null;

    private void Count(TimeSpan at)
    {
        sent++;
        last = at > last ? at : last;
    }

    private void Fail(string what, TimeSpan at)
    {
        failed++;
        firstFailure ??= at;
        lastFailure = at > lastFailure || lastFailure is null ? at : lastFailure;
        if (firstFailures.Count < FailuresToTell)
            firstFailures.Add($"at {at.TotalSeconds:F3} s: {what}");
    }
}
