namespace OllamaProxy.Host.Installation;

/// <summary>A file in the format of systemd's <c>EnvironmentFile=</c>.</summary>
internal static class EnvironmentFile
{
    /// <summary>Returns the text with these variables set; other lines stay unchanged.</summary>
    public static string With(string text, IReadOnlyDictionary<string, string> variables)
    {
        List<string> lines = [.. text.TrimEnd('\n').Split('\n')];
        foreach (var (name, value) in variables)
        {
            // The last assignment applies; a commented default marks the position.
            var at = lines.FindLastIndex(line => line.StartsWith($"{name}=", StringComparison.Ordinal));
            at = at >= 0 ? at : lines.FindLastIndex(line => line.StartsWith($"#{name}=", StringComparison.Ordinal));
            if (at >= 0)
            {
                lines[at] = Line(name, value);
            }
            else
            {
                lines.Add(Line(name, value));
            }
        }

        return string.Join('\n', lines) + '\n';
    }

    /// <summary>The variables in the file; the last assignment of each applies.</summary>
    public static IReadOnlyDictionary<string, string> Read(string text)
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            if (line.Split('=', 2) is [var name, var value] && name.Length > 0
                && name.All(character => char.IsAsciiLetterOrDigit(character) || character == '_'))
            {
                variables[name] = Unquoted(value.Trim());
            }
        }

        return variables;
    }

    private static string Unquoted(string value)
    {
        if (value.Length < 2 || value[0] != '"' || value[^1] != '"')
        {
            return value;
        }

        var text = new System.Text.StringBuilder();
        for (var index = 1; index < value.Length - 1; index++)
        {
            index += value[index] == '\\' && index < value.Length - 2 ? 1 : 0;
            text.Append(value[index]);
        }

        return text.ToString();
    }

    /// <summary>A line of the file, quoted where needed.</summary>
    public static string Line(string name, string value) =>
        value.Any(character => char.IsWhiteSpace(character) || character is '"' or '\\' or '#' or '\'' or ';' or '$' or '`')
            ? $"{name}=\"{string.Concat(value.Select(character => character is '\\' or '"' or '$' or '`' ? $"\\{character}" : $"{character}"))}\""
            : $"{name}={value}";
}
