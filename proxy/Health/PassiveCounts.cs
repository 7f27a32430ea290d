using ServiceMesh.Policy;

namespace ServiceMesh.Proxy.Health;

/// <summary>
/// Counts an instance's failures as the requests meet them; a sound answer only reads, unless shares are counted. What is
/// counted together is one window after the other, all in one number that is changed by compare and swap.
/// </summary>
internal sealed class PassiveCounts
{
    // From the lowest bit: 20 bits of errors, 20 bits of answers, 24 bits of the window's number.
    private const int Bits = 20;
    private const long Most = (1 << Bits) - 1;

    private int failures;
    private long window;

    /// <summary>Takes note of a connection that failed.</summary>
    /// <returns>Whether that is reason to eject the instance; then counting begins anew.</returns>
    public bool Failed(PassivePolicy policy)
    {
        if (policy.Failures == 0 || Interlocked.Increment(ref failures) < policy.Failures)
            return false;
        Volatile.Write(ref failures, 0);
        return true;
    }

    /// <summary>Takes note of an answer.</summary>
    /// <param name="policy">The service's policy.</param>
    /// <param name="isError">Whether it was a 5xx.</param>
    /// <param name="now">The time since some beginning.</param>
    /// <returns>Whether that is reason to eject the instance; then counting begins anew.</returns>
    public bool Answered(PassivePolicy policy, bool isError, TimeSpan now)
    {
        // Only read where it is so already: all requests share that memory cell.
        if (Volatile.Read(ref failures) != 0)
            Volatile.Write(ref failures, 0);
        return Counted(policy, isError, now);
    }

    /// <summary>Takes note of a silence, which is an error, but no answer: there may be no connection yet.</summary>
    /// <param name="policy">The service's policy.</param>
    /// <param name="now">The time since some beginning.</param>
    /// <returns>Whether that is reason to eject the instance; then counting begins anew.</returns>
    public bool Silent(PassivePolicy policy, TimeSpan now) => Counted(policy, isError: true, now);

    private bool Counted(PassivePolicy policy, bool isError, TimeSpan now)
    {
        if (policy.ErrorShare is not { } share)
            return false;

        var number = (long)(now / (policy.Window ?? PassivePolicy.DefaultWindow)) & ((1 << 24) - 1);
        while (true)
        {
            var seen = Volatile.Read(ref window);
            var (answers, errors) = seen >>> (2 * Bits) == number ? ((seen >> Bits) & Most, seen & Most) : (0, 0);
            answers++;
            errors += isError ? 1 : 0;
            var ejects = isError && answers >= policy.Minimum && errors >= share * answers;
            if (answers == Most)
                (answers, errors) = (answers / 2, errors / 2);
            var next = (number << (2 * Bits)) | (ejects ? 0 : (answers << Bits) | errors);
            if (Interlocked.CompareExchange(ref window, next, seen) == seen)
                return ejects;
        }
    }
}
