using System.Globalization;
using System.Text;
using OllamaProxy.Domain;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>What the commands write: results to standard output, everything about them to standard error.</summary>
internal static class Terminal
{
    public const string Unknown = "-";

    /// <summary>True when a person sees standard error, and progress is worth showing.</summary>
    public static bool IsWatched => !Console.IsErrorRedirected;

    /// <summary>
    /// Keeps .NET from switching the terminal's cursor keys to application mode, which it does at the first use of <see cref="Console"/> and never takes back. What it
    /// writes comes from the description of the terminal that TERM names; children get the variable as it was.
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
        await Console.Error.WriteLineAsync($"ollama-proxy: {message}");
        return code;
    }

    /// <summary>Writes a line to standard error; a terminal that is gone, as after SIGHUP, is no error.</summary>
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

    /// <summary>Columns wide enough for what is in them; all but the first to the right, because they are numbers.</summary>
    public static string Table(IReadOnlyList<string> heads, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = heads.Select((head, column) => rows.Select(row => row[column].Length).Append(head.Length).Max()).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows.Prepend(heads))
        {
            text.AppendLine(string.Join("  ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).TrimEnd());
        }

        return text.ToString();
    }

    /// <summary>Text from the wire as it may be shown on a terminal: nothing in it moves the cursor.</summary>
    public static string Plain(string? text) => text is null ? Unknown : PlainText.Of(text);

    public static string Number(double? value, string format = "N0", string unit = "") =>
        value is { } number ? string.Create(CultureInfo.InvariantCulture, $"{number.ToString(format, CultureInfo.InvariantCulture)}{unit}") : Unknown;

    /// <summary>Seconds in the unit that suits them.</summary>
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
}
