namespace ServiceMesh.Proxy.Metering;

/// <summary>What became of the requests to one instance or to one release. Its counters only grow, and go with their owner.</summary>
internal sealed class Meter
{
    private readonly long[] answers = new long[Classes];
    private readonly long[] failures = new long[Enum.GetValues<Failure>().Length];

    /// <summary>The classes of statuses: 1xx to 5xx.</summary>
    public const int Classes = 5;

    private const int ServerError = 5;

    /// <summary>From sending a request until the answer's headers, or until the failure. What the client's line takes, and how long a stream or websocket lasts, is no part of it.</summary>
    public Durations Durations { get; } = new();

    /// <summary>The answers by the instance, whatever their status, and the requests that failed before one.</summary>
    public long Requests => answers.Sum() + failures.Sum() - Failed(Failure.CutOff);

    /// <summary>The answers of status 5xx, and all failures but the client's own.</summary>
    public long Errors => Answers(ServerError) + failures.Sum() - Failed(Failure.Client);

    /// <param name="status">1 to 5, the first digit of the status.</param>
    public long Answers(int status) => Volatile.Read(ref answers[status - 1]);

    public long Failed(Failure failure) => Volatile.Read(ref failures[(int)failure]);

    /// <summary>The answer's headers came.</summary>
    public void Answered(int status, TimeSpan after)
    {
        Interlocked.Increment(ref answers[Math.Clamp(status / 100, 1, Classes) - 1]);
        Durations.Add(after);
    }

    /// <summary>The request failed before the answer's headers.</summary>
    public void Failed(Failure failure, TimeSpan after)
    {
        Interlocked.Increment(ref failures[(int)failure]);
        // How long a client had patience says nothing of the instance.
        if (failure != Failure.Client)
            Durations.Add(after);
    }

    /// <summary>The answer broke off after its headers.</summary>
    public void CutOff() => Interlocked.Increment(ref failures[(int)Failure.CutOff]);
}
