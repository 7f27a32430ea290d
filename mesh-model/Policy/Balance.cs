using System.Text.Json.Serialization;

namespace ServiceMesh.Policy;

/// <summary>How one of several instances is chosen; YARP's load balancing policies, with weights.</summary>
[JsonConverter(typeof(ExactEnumConverter<Balance>))]
public enum Balance
{
    /// <summary>Of two random instances the one with fewer requests in flight.</summary>
    [JsonStringEnumMemberName("powerOfTwo")]
    PowerOfTwo,

    /// <summary>One after the other.</summary>
    [JsonStringEnumMemberName("roundRobin")]
    RoundRobin,

    /// <summary>The one with the fewest requests in flight.</summary>
    [JsonStringEnumMemberName("leastRequests")]
    LeastRequests,

    /// <summary>A random one.</summary>
    [JsonStringEnumMemberName("random")]
    Random,

    /// <summary>The first by its id, the others only when it is not to be had.</summary>
    [JsonStringEnumMemberName("first")]
    First,
}
