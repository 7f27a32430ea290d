namespace ServiceMesh.Proxy.Traffic.Waiting;

/// <summary>Bounds how many requests the proxy holds for paused services: each one costs memory and a connection.</summary>
internal sealed class WaitingRoom
{
    public const int Places = 10_000;

    private int taken;

    /// <summary>How many requests are held.</summary>
    public int Taken => Volatile.Read(ref taken);

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref taken) <= Places)
            return true;
        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref taken);
}
