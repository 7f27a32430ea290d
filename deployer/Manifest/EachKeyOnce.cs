using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>
/// Leaves out of a YAML text what is given again under a key of the same mapping, and notes it: the library would tell of the
/// first such key, and of nothing else that is wrong. It ends where the library, which follows a text as deep as it goes, would end
/// the process.
/// </summary>
internal sealed class EachKeyOnce(IParser text, List<ManifestError> errors) : IParser
{
    // Several times as deep as any file of ours.
    private const int Deepest = 32;

    // The mappings and lists that are open; a list has no keys.
    private readonly Stack<Dictionary<string, long>?> open = new();

    // Whether the next node of each of them is a key.
    private readonly Stack<bool> keyNext = new();

    public ParsingEvent? Current => text.Current;

    public bool MoveNext()
    {
        while (text.MoveNext())
        {
            if (!IsAgain(text.Current!))
                return true;
            PassOver();
        }

        return false;
    }

    private bool IsAgain(ParsingEvent now)
    {
        if (now is MappingEnd or SequenceEnd)
        {
            open.Pop();
            keyNext.Pop();
            return false;
        }

        // An alias is a key or a value like any other, though the library does not count it among the nodes.
        if (now is not (NodeEvent or AnchorAlias))
            return false;
        if (open.TryPeek(out var keys) && keys is not null)
        {
            var isKey = keyNext.Pop();
            keyNext.Push(!isKey);
            // To look up one that is a list or a mapping the library goes through all within it, and through what an alias names again and again.
            if (isKey && now is not Scalar)
                throw new YamlException(now.Start, now.End, "a key must be a single word");
            if (isKey && now is Scalar { Value: var key } && !keys.TryAdd(key, now.Start.Line))
            {
                errors.Add(new ManifestError((int)now.Start.Line, $"'{key}' is on line {keys[key]} already: which of both?"));
                keyNext.Pop();
                keyNext.Push(true);
                return true;
            }
        }

        if (now is MappingStart or SequenceStart)
        {
            if (open.Count == Deepest)
                throw new YamlException(now.Start, now.End, $"more than {Deepest} mappings and lists within each other");
            open.Push(now is MappingStart ? new Dictionary<string, long>(StringComparer.Ordinal) : null);
            keyNext.Push(true);
        }

        return false;
    }

    // The value of the key that was read.
    private void PassOver()
    {
        var depth = 0;
        do
        {
            if (!text.MoveNext())
                return;
            depth += text.Current!.NestingIncrease;
        }
        while (depth > 0);
    }
}
