using System.Text;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>A command line split into its words as a POSIX shell does it, without expanding anything.</summary>
internal static class ShellWords
{
    /// <returns>The words; <c>null</c> if a quote or an escape is left open, or nothing stands there.</returns>
    public static string[]? Split(string command)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var inWord = false;
        for (var i = 0; i < command.Length; i++)
        {
            switch (command[i])
            {
                case '\\' when ++i < command.Length:
                    // A line that goes on in the next one.
                    if (command[i] == '\n')
                        break;
                    word.Append(command[i]);
                    inWord = true;
                    break;
                case '\\':
                    return null;
                case '\'' or '"':
                    if (Quoted(command, ref i, word) is false)
                        return null;
                    inWord = true;
                    break;
                case ' ' or '\t' or '\n' or '\r':
                    Flush();
                    break;
                default:
                    word.Append(command[i]);
                    inWord = true;
                    break;
            }
        }

        Flush();
        return words.Count == 0 ? null : [.. words];

        void Flush()
        {
            if (inWord)
                words.Add(word.ToString());
            word.Clear();
            inWord = false;
        }
    }

    /// <summary>Reads up to the closing quote; inside double quotes a backslash escapes what the shell lets it escape.</summary>
    private static bool Quoted(string command, ref int i, StringBuilder word)
    {
        var quote = command[i];
        while (++i < command.Length)
        {
            if (command[i] == quote)
                return true;
            var escaped = quote == '"' && command[i] == '\\' && i + 1 < command.Length ? command[i + 1] : default;
            if (escaped is '"' or '\\' or '$' or '`' or '\n')
                i++;
            if (escaped != '\n')
                word.Append(command[i]);
        }

        return false;
    }
}
