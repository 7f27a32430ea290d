using System.Globalization;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Docker dates its events in Unix seconds with nanoseconds, and its clock in RFC 3339.</summary>
internal static class EventTime
{
    public static string From(string rfc3339)
    {
        var time = DateTimeOffset.Parse(rfc3339, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        var nanoseconds = time.UtcTicks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
        return $"{time.ToUnixTimeSeconds()}.{nanoseconds:D9}";
    }
}
