using System.Globalization;

namespace RecommendationService;

/// <summary>A positive whole number, in decimal digits only: no sign, no spaces, no separators.</summary>
internal readonly record struct UserId(long Value)
{
    public static bool TryParse(string? text, out UserId userId)
    {
        bool valid = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value > 0;
        userId = new UserId(valid ? value : 0);
        return valid;
    }
}
