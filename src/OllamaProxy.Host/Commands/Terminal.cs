using System.Globalization;
using OllamaProxy.Domain;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands;

/// <summary>The output of commands: results to standard output, messages to standard error.</summary>
internal static class Terminal
{
    public const string Unknown = "-";

    private static bool? s_hasColor;
    private static bool? s_hasErrorColor;

    /// <summary>True when standard error is a terminal, so progress is shown.</summary>
    public static bool IsWatched => !Console.IsErrorRedirected;

    /// <summary>True when standard output is a terminal.</summary>
    public static bool IsOutputWatched => !Console.IsOutputRedirected;

    /// <summary>Whether standard output has colors.</summary>
    public static bool HasColor => s_hasColor ??= AllowsColor(IsOutputWatched, EnvironmentVariables.OfProcess) && AcceptsAnsi(isError: false);

    /// <summary>Whether standard error has colors.</summary>
    public static bool HasErrorColor => s_hasErrorColor ??= AllowsColor(IsWatched, EnvironmentVariables.OfProcess) && AcceptsAnsi(isError: true);

    /// <summary>The width of the terminal; null when standard output is not one, so nothing is cut.</summary>
    public static int? Width
    {
        get
        {
            try
            {
                return IsOutputWatched && Console.WindowWidth is > 0 and var width ? width : null;
            }
            // The terminal was closed.
            catch (IOException)
            {
                return null;
            }
        }
    }

    /// <summary>The conventions of no-color.org and force-color.org; <c>NO_COLOR</c> overrides.</summary>
    internal static bool AllowsColor(bool isTerminal, Func<string, string?> get) => (get("NO_COLOR"), get("FORCE_COLOR")) switch
    {
        ({ Length: > 0 }, _) => false,
        (_, { Length: > 0 } force) => force is not ("0" or "false"),
        _ => isTerminal && get("TERM") != "dumb",
    };

    /// <summary>Text in a color of <see cref="Ansi"/>, if standard output has colors.</summary>
    public static string Paint(string color, string text) => HasColor && text.Length > 0 ? $"{color}{text}{Ansi.Reset}" : text;

    /// <summary>Text in a color of <see cref="Ansi"/>, if standard error has colors.</summary>
    public static string PaintError(string color, string text) => HasErrorColor ? $"{color}{text}{Ansi.Reset}" : text;

    /// <summary>
    /// Keeps .NET from switching the terminal's cursor keys to application mode, which it does at the first use of <see cref="Console"/> and never reverts. The
    /// sequence comes from the terminal description of TERM; children get the original variable.
    /// </summary>
    public static void LeaveModes()
    {
        const string Variable = "TERM";
        if (!OperatingSystem.IsWindows() && EnvironmentVariables.OfProcess(Variable) is { } terminal)
        {
            Environment.SetEnvironmentVariable(Variable, "dumb");
            Console.OpenStandardOutput().Write([]);
            Environment.SetEnvironmentVariable(Variable, terminal);
        }
    }

    public static async Task<int> FailAsync(string message, int code = ExitCodes.Failed)
    {
        await Console.Error.WriteLineAsync($"{PaintError(Ansi.Red, "ollama-proxy:")} {message}");
        return code;
    }

    /// <summary>Writes a line to standard error; a closed terminal, as after SIGHUP, is not an error.</summary>
    public static void TryWrite(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (IOException)
        {
        }
    }

    /// <summary>Wraps a text between words at a width; null keeps it on one line.</summary>
    public static IEnumerable<string> Wrap(string text, int? width)
    {
        var line = "";
        foreach (var word in width is null ? [text] : text.Split(' '))
        {
            if (line.Length > 0 && Ansi.VisibleLength(line) + 1 + Ansi.VisibleLength(word) > width)
            {
                yield return line;
                line = "";
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        yield return line;
    }

    /// <summary>Writes a text after a heading of the given length, with a hanging indent.</summary>
    public static void WriteHanging(string head, int headLength, string text)
    {
        foreach (var line in Wrap(text, Width is { } width ? Math.Max(20, width - headLength) : null))
        {
            Console.Out.WriteLine($"{head}{line}".TrimEnd());
            head = new string(' ', headLength);
        }
    }

    /// <summary>Makes foreign text safe for a terminal: nothing in it moves the cursor.</summary>
    public static string Plain(string? text) => text is null ? Unknown : PlainText.Of(text);

    public static string Number(double? value, string format = "N0", string unit = "") =>
        value is { } number ? string.Create(CultureInfo.InvariantCulture, $"{number.ToString(format, CultureInfo.InvariantCulture)}{unit}") : Unknown;

    /// <summary>Seconds in a suitable unit.</summary>
    public static string Length(double? seconds) => seconds switch
    {
        null => Unknown,
        < 1 => Number(seconds * 1000, "N0", " ms"),
        < 120 => Number(seconds, seconds < 10 ? "N2" : "N1", " s"),
        < 7_200 => Number(seconds / 60, "N0", " min"),
        < 172_800 => Number(seconds / 3_600, "N1", " h"),
        _ => Number(seconds / 86_400, "N1", " d"),
    };

    public static string Bytes(double? bytes) => bytes switch
    {
        null => Unknown,
        < 1 << 10 => Number(bytes, "N0", " B"),
        < 1 << 20 => Number(bytes / (1 << 10), "N1", " KiB"),
        < 1 << 30 => Number(bytes / (1 << 20), "N1", " MiB"),
        _ => Number(bytes / (1 << 30), "N1", " GiB"),
    };

    private static bool AcceptsAnsi(bool isError) => !OperatingSystem.IsWindows() || WindowsConsole.AcceptAnsi(isError);
}
