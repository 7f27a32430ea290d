using System.Globalization;

namespace ServiceMesh.Policy;

/// <summary>Judges values of a policy against their limits; a fault names the value and what is allowed.</summary>
internal static class Limits
{
    public static IEnumerable<string> Check(string name, int? value, int least, int most)
    {
        if (value is { } number && (number < least || number > most))
            yield return string.Create(CultureInfo.InvariantCulture, $"{name} {number} must be {least} to {most}");
    }

    public static IEnumerable<string> Check(string name, double? value, double least, double most)
    {
        if (value is { } number && !(number >= least && number <= most))
            yield return string.Create(CultureInfo.InvariantCulture, $"{name} {number} must be {least} to {most}");
    }

    public static IEnumerable<string> Check(string name, TimeSpan? value, TimeSpan least, TimeSpan most)
    {
        if (value is { } duration && (duration < least || duration > most))
            yield return $"{name} {DurationText.Write(duration)} must be {DurationText.Write(least)} to {DurationText.Write(most)}";
    }
}
