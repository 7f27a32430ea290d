using System.Net;

namespace ServiceMesh.Load;

/// <summary>Counts what came of the requests; called by many at once.</summary>
internal sealed class Tally
{
    private const int FailuresToTell = 10;

    private readonly Lock _gate = new();
    private readonly SortedDictionary<int, long> _statuses = [];
    private readonly List<string> _firstFailures = [];
    private long _sent;
    private long _failed;
    private TimeSpan _last;

    public void Answered(HttpStatusCode status, TimeSpan at)
    {
        lock (_gate)
        {
            Count(at);
            _statuses[(int)status] = _statuses.GetValueOrDefault((int)status) + 1;
            if ((int)status is < 200 or > 299)
                Fail($"HTTP {(int)status}", at);
        }
    }

    public void Broke(Exception error, TimeSpan at)
    {
        lock (_gate)
        {
            Count(at);
            string cause = error.GetBaseException().Message;
            Fail(error.Message.Contains(cause) ? error.Message : $"{error.Message} {cause}", at);
        }
    }

    public LoadReport Report()
    {
        lock (_gate)
        {
            return new LoadReport(
                _sent,
                _failed,
                Math.Round(_last.TotalSeconds, 3),
                new SortedDictionary<int, long>(_statuses),
                [.. _firstFailures]);
        }
    }

    private void Count(TimeSpan at)
    {
        _sent++;
        _last = at > _last ? at : _last;
    }

    private void Fail(string what, TimeSpan at)
    {
        _failed++;
        if (_firstFailures.Count < FailuresToTell)
            _firstFailures.Add($"at {at.TotalSeconds:F3} s: {what}");
    }
}
