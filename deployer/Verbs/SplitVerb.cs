using System.CommandLine;
using System.Globalization;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer split demo 3f2a --share 10</c></summary>
internal static class SplitVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    private static readonly Argument<string?> Candidate = new("candidate")
    {
        Description = "the unique beginning of a candidate's id; without it the release that is split to already",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<double?> Share = new("--share")
    {
        Description = "the candidate's share of the requests in percent, 0 to 100",
        HelpName = "percent",
    };

    private static readonly Option<SplitMatch?> Header = Matching("--header", "a request header that chooses the candidate, such as X-Canary=yes");
    private static readonly Option<SplitMatch?> Cookie = Matching("--cookie", "a cookie that chooses the candidate, such as beta=on");

    public static Command Create()
    {
        var command = new VerbCommand(
            "split",
            "Sends a share of a service's requests, or those with a header or a cookie, to a candidate beside the active release. "
                + "'promote' makes it the active one, 'abort' ends the split.",
            "deployer split demo 3f2a --share 10",
            "deployer split demo 3f2a --header X-Canary=yes",
            "deployer split demo --share 50")
        {
            Service,
            Candidate,
            Share,
            Header,
            Cookie,
        };
        command.SetAction((parse, ct) => VerbRunner.ChangeAsync(
            parse,
            "split",
            () => Input(parse),
            (input, mesh, narrator, token) => new ChangeRun(mesh, narrator).RunAsync(
                input.Service, "split", (document, within) => new SplitChange(mesh).ApplyAsync(document, input, within), token, after => after.Split?.Release),
            ct));
        return command;
    }

    private static SplitInput Input(ParseResult parse)
    {
        var input = new SplitInput(
            ServiceArgument.Of(parse, Service), parse.GetValue(Candidate), parse.GetValue(Share), parse.GetValue(Header), parse.GetValue(Cookie));
        if (input is { Share: null, Header: null, Cookie: null })
            throw new DeliveryException(ExitCode.WrongInput, "which requests? Give --share 10, --header NAME=VALUE or --cookie NAME=VALUE");
        if (input.Share is { } share && !(share is >= 0 and <= 100))
            throw new DeliveryException(ExitCode.WrongInput, $"--share {share.ToString(CultureInfo.InvariantCulture)} must be 0 to 100");
        return input;
    }

    private static Option<SplitMatch?> Matching(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "name=value",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (text.Split('=', 2) is not [{ Length: > 0 } key, { Length: > 0 } value])
            {
                result.AddError($"{name} '{text}' must be NAME=VALUE");
                return null;
            }

            var match = new SplitMatch(key, value);
            foreach (var fault in match.Faults(name))
                result.AddError(fault);
            return match;
        },
    };
}
