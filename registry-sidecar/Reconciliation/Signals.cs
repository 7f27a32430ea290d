using System.Globalization;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Which signals end a container. Docker's events give the signal as a number, newer Engines maybe by its name.</summary>
internal static class Signals
{
    private const string Prefix = "SIG";
    private const string FirstRealTime = "RTMIN";
    private const string LastRealTime = "RTMAX";
    private const int FirstRealTimeNumber = 34;
    private const int LastRealTimeNumber = 64;
    private const int Terminate = 15;

    /// <summary>Linux's names, the first has number 1.</summary>
    private static readonly string[] Names =
    [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    private static readonly HashSet<int> Ending = [.. ((string[])["INT", "ABRT", "KILL", "TERM"]).Select(name => NumberOf(name)!.Value)];

    /// <summary>
    /// Whether the signal is meant to end a container. Programs take HUP, USR1 and the like as a request of another kind, as a JVM takes
    /// QUIT, but the signal that <c>docker stop</c> sends to this container ends it, whatever it is.
    /// </summary>
    /// <param name="signal">What was sent.</param>
    /// <param name="stopSignal">The container's own stop signal; empty for Docker's default.</param>
    public static bool End(string signal, string stopSignal) =>
        NumberOf(signal) is { } number && (Ending.Contains(number) || number == (NumberOf(stopSignal) ?? Terminate));

    private static int? NumberOf(string signal)
    {
        if (int.TryParse(signal, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return number;
        var name = signal.Trim().ToUpperInvariant();
        if (name.StartsWith(Prefix, StringComparison.Ordinal))
            name = name[Prefix.Length..];
        return Array.IndexOf(Names, name) is >= 0 and var index ? index + 1
            : name.StartsWith(FirstRealTime, StringComparison.Ordinal) ? FirstRealTimeNumber + Offset(name)
            : name.StartsWith(LastRealTime, StringComparison.Ordinal) ? LastRealTimeNumber + Offset(name)
            : null;
    }

    /// <summary>The <c>+3</c> of <c>RTMIN+3</c>.</summary>
    private static int? Offset(string name) =>
        name.Length == FirstRealTime.Length ? 0
        : int.TryParse(name[FirstRealTime.Length..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var offset) ? offset
        : null;
}
