using System.CommandLine;
using System.CommandLine.Parsing;

namespace ServiceMesh.Load;

/// <summary>The command line: <c>load http://localhost:8000/demo/1 --stop-file stop --min-requests 2000</c>.</summary>
internal static class LoadCommand
{
    private static readonly LoadOptions Defaults = new();

    /// <summary>After Ctrl+C: the minimum is still reached and the requests in flight still finish.</summary>
    public static readonly TimeSpan TimeToReport = TimeSpan.FromHours(1);

    public static RootCommand Create()
    {
        Argument<Uri> url = new("url")
        {
            Description = "The address to ask, http://host:port/path.",
            CustomParser = ParseUrl,
        };
        Option<int> concurrency = Positive("--concurrency", Defaults.Concurrency, "Connections that ask at the same time.");
        Option<int> rate = Positive("--rate", (int)Defaults.Rate, "Requests a second, over all connections.");
        Option<int> minRequests = new("--min-requests")
        {
            Description = "Requests to send at least, also after the end is asked for.",
        };
        Option<FileInfo?> stopFile = new("--stop-file") { Description = "Ends as soon as this file exists." };
        Option<int> maxSeconds = Positive(
            "--max-seconds", (int)Defaults.MaxDuration.TotalSeconds, "Ends after this time in any case.");
        RootCommand command = new(
            "Sends GETs until the stop file, --max-seconds or Ctrl+C ends it, then prints the counts as one line of JSON.")
        {
            url, concurrency, rate, minRequests, stopFile, maxSeconds,
        };
        command.SetAction((parsed, ct) => RunAsync(
            parsed.GetRequiredValue(url),
            new LoadOptions
            {
                Concurrency = parsed.GetValue(concurrency),
                Rate = parsed.GetValue(rate),
                MinRequests = parsed.GetValue(minRequests),
                MaxDuration = TimeSpan.FromSeconds(parsed.GetValue(maxSeconds)),
            },
            new StopSignal(parsed.GetValue(stopFile)),
            ct));
        return command;
    }

    private static async Task<int> RunAsync(Uri url, LoadOptions options, StopSignal stop, CancellationToken ct)
    {
        await using LoadGenerator load = LoadGenerator.Start(url, options);
        await stop.WaitAsync(load.Completion, TimeProvider.System, ct);
        Console.WriteLine((await load.StopAsync()).ToJson());
        return 0;
    }

    private static Option<int> Positive(string name, int byDefault, string description)
    {
        Option<int> option = new(name) { Description = description, DefaultValueFactory = _ => byDefault };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 1)
                result.AddError($"{name} must be a whole number of 1 or more.");
        });
        return option;
    }

    private static Uri? ParseUrl(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https")
            return url;
        result.AddError($"'{text}' is not an address. Give one like http://localhost:8000/demo/1.");
        return null;
    }
}
