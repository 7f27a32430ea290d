namespace ServiceMesh.Proxy.Metering;

/// <summary>What the proxy did with a service's requests beside asking its instances.</summary>
internal sealed class ServiceMeter
{
    private readonly long[] refusals = new long[Enum.GetValues<Refusal>().Length];
    private int held;

    /// <summary>The requests that are held while the service is paused.</summary>
    public int Held => Volatile.Read(ref held);

    public long Refusals(Refusal why) => Volatile.Read(ref refusals[(int)why]);

    public void Refused(Refusal why) => Interlocked.Increment(ref refusals[(int)why]);

    public void Hold() => Interlocked.Increment(ref held);

    public void LetGo() => Interlocked.Decrement(ref held);
}
