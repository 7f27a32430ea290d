using System.CommandLine;
using System.CommandLine.Completions;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>A service's name as an argument, which a shell completes with the services that Consul knows.</summary>
internal static class ServiceArgument
{
    // Somebody waits at the keyboard: what Consul does not say at once is not said, and that it is away is no news there.
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromMilliseconds(500);

    public static Argument<string> Create() => Completed(new Argument<string>("service") { Description = "the service's name" });

    public static T Completed<T>(T argument)
        where T : Argument
    {
        argument.CompletionSources.Add(Names);
        // Help names an argument that has no such name by its completions, and would ask Consul for them.
        argument.HelpName = argument.Name;
        return argument;
    }

    public static string Of(ParseResult parse, Argument<string> argument)
    {
        var name = parse.GetRequiredValue(argument);
        return ServiceName.IsValid(name) ? name : throw NoName(name);
    }

    /// <summary>One that may be left out. It may be any name: a sidecar registers by what a container asks for, and of that is told, too.</summary>
    public static string? OfAny(ParseResult parse, Argument<string?> argument) => parse.GetValue(argument) switch
    {
        null => null,
        var name when string.IsNullOrWhiteSpace(name) => throw NoName(name),
        var name => name,
    };

    private static DeliveryException NoName(string name) => new(ExitCode.WrongInput, $"'{name}' is no service name: {ServiceName.Rule}");

    private static IEnumerable<CompletionItem> Names(CompletionContext context)
    {
        try
        {
            // The library asks for completions in no other way than this.
            return Task.Run(() => NamesAsync(context.ParseResult)).GetAwaiter().GetResult().Select(name => new CompletionItem(name));
        }
        catch (Exception error) when (error is InvalidOperationException || Faults.Explain(error) is not null)
        {
            return [];
        }
    }

    private static async Task<IEnumerable<string>> NamesAsync(ParseResult parse)
    {
        using var patience = new CancellationTokenSource(AnswersWithin, TimeProvider.System);
        using var mesh = new Mesh(MeshOptions.Settings(parse), TimeProvider.System);
        var (stored, registered) = (mesh.Store.NamesAsync(patience.Token), mesh.Catalog.ServicesAsync(patience.Token));
        await Task.WhenAll(stored, registered);
        // A shell takes what it is told for words of its own, and anybody may register under any name.
        return (await stored).Union(await registered, StringComparer.Ordinal).Where(ServiceName.IsValid).Order(StringComparer.Ordinal);
    }
}
