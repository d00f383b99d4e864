using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>The timestamp of a line.</summary>
public enum LogTime
{
    /// <summary>None: the journal adds its own.</summary>
    None,

    /// <summary>The time of day, for a terminal.</summary>
    OfDay,

    /// <summary>Date, milliseconds and time zone, for a file.</summary>
    Full,
}

/// <summary>The log for people: a request is a row of columns; an unknown value leaves its column empty.</summary>
public sealed class TextLog : LogFormat
{
    private const string Gap = "  ";

    public LogTime Time { get; init; } = LogTime.Full;

    public bool HasColor { get; init; }

    /// <summary>Whether to show the logging type, which only helps developers.</summary>
    public bool ShowsTypes { get; init; }

    /// <summary>The width of the terminal, read for each line because windows are resized; null shows everything.</summary>
    public Func<int?> Width { get; init; } = static () => null;

    public override void Append(StringBuilder line, in LogItem item)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (Time != LogTime.None)
        {
            Begin(line, Ansi.Dim);
            Span<char> time = stackalloc char[64];
            item.Time.TryFormat(time, out var length, Time == LogTime.OfDay ? "HH:mm:ss" : "yyyy-MM-ddTHH:mm:ss.fffzzz", CultureInfo.InvariantCulture);
            line.Append(time[..length]);
            End(line);
            line.Append(Gap);
        }

        if (item.Request is { } request)
        {
            AppendRequest(line, request);
        }
        else
        {
            AppendMessage(line, item);
        }
    }

    private void AppendMessage(StringBuilder line, in LogItem item)
    {
        Begin(line, item.Level switch { >= LogLevel.Error => Ansi.Red, LogLevel.Warning => Ansi.Yellow, LogLevel.Information => Ansi.Cyan, _ => Ansi.Dim });
        line.Append(NameOf(item.Level));
        End(line);
        line.Append(Gap);
        // A type's name has dots; a name without dots is that of a program whose output this is.
        if (ShowsTypes || !item.Category.Contains('.', StringComparison.Ordinal))
        {
            line.Append(item.Category).Append(": ");
        }

        line.Append(OneLine(item.Message));
        if (item.Exception is { } exception)
        {
            line.Append(" | ").Append(OneLine(exception.ToString()));
        }
    }

    private void AppendRequest(StringBuilder line, RequestLine request)
    {
        var width = Width();
        var columns = Columns.For(width);
        Span<char> cell = stackalloc char[64];
        var color = request.Status switch { "success" => Ansi.Green, "cancelled" => Ansi.Yellow, _ => Ansi.Red };
        AppendStatus(line, color, request.StatusCode);
        var start = line.Length;
        line.Append(request.Method).Append(' ').Append(request.Path);
        if (line.Length - start > columns.MaxPath)
        {
            line.Length = start + columns.MaxPath - 1;
            line.Append('…');
        }

        Pad(line, start, columns.Path);
        Begin(line, Ansi.Cyan);
        start = line.Length;
        line.Append(request.Model is { } model ? TextCut.Middle(model, columns.MaxModel) : "");
        var length = line.Length - start;
        End(line);
        line.Append(' ', Math.Max(0, columns.Model - length)).Append(Gap);
        if (request.ErrorType is { } error)
        {
            AppendError(line, color, error, request, columns.Tokens + Gap.Length + Columns.Speed, isLimited: width is not null);
        }
        else
        {
            AppendRight(line, cell[..WriteTokens(cell, request)], columns.Tokens);
            AppendRight(line, cell[..WriteSpeed(cell, request)], Columns.Speed);
        }

        AppendRight(line, cell[..WriteDuration(cell, request.Duration)], Columns.Duration);
        AppendClient(line, request, width is { } limit ? limit - Ansi.VisibleLength(line.ToString()) : int.MaxValue);
        TrimEnd(line);
    }

    /// <summary>A failed request rarely has tokens or a speed, so the error takes their columns.</summary>
    private void AppendError(StringBuilder line, string color, string error, RequestLine request, int width, bool isLimited)
    {
        Begin(line, color);
        var start = line.Length;
        line.Append(error).Replace('_', ' ', start, error.Length);
        End(line);
        var length = error.Length;
        Span<char> cell = stackalloc char[64];
        if (WriteTokens(cell, request) is > 0 and var tokens && (!isLimited || length + Gap.Length + tokens <= width))
        {
            line.Append(Gap).Append(cell[..tokens]);
            length += Gap.Length + tokens;
        }

        line.Append(' ', Math.Max(0, width - length)).Append(Gap);
    }

    private static int WriteTokens(Span<char> cell, RequestLine request)
    {
        var (length, estimated) = (0, request.TokensEstimated ? "~" : "");
        _ = (request.InputTokens, request.OutputTokens) switch
        {
            (null, null) => true,
            ({ } input, null) => cell.TryWrite(CultureInfo.InvariantCulture, $"{input} tok in", out length),
            (null, { } output) => cell.TryWrite(CultureInfo.InvariantCulture, $"{estimated}{output} tok out", out length),
            ({ } input, { } output) => cell.TryWrite(CultureInfo.InvariantCulture, $"{input}→{estimated}{output} tok", out length),
        };
        return length;
    }

    private static int WriteSpeed(Span<char> cell, RequestLine request)
    {
        var (length, estimated) = (0, request.SpeedEstimated ? "~" : "");
        _ = request.TokensPerSecond switch
        {
            null => true,
            { } speed and < 9.95 => cell.TryWrite(CultureInfo.InvariantCulture, $"{estimated}{speed:F1} tok/s", out length),
            { } speed => cell.TryWrite(CultureInfo.InvariantCulture, $"{estimated}{speed:F0} tok/s", out length),
        };
        return length;
    }

    private static int WriteDuration(Span<char> cell, TimeSpan duration)
    {
        var (seconds, milliseconds) = (duration.TotalSeconds, duration.TotalMilliseconds);
        int length;
        _ = milliseconds switch
        {
            < 9.95 => cell.TryWrite(CultureInfo.InvariantCulture, $"{milliseconds:F1} ms", out length),
            < 999.5 => cell.TryWrite(CultureInfo.InvariantCulture, $"{milliseconds:F0} ms", out length),
            < 9_995 => cell.TryWrite(CultureInfo.InvariantCulture, $"{seconds:F2} s", out length),
            < 99_950 => cell.TryWrite(CultureInfo.InvariantCulture, $"{seconds:F1} s", out length),
            _ => cell.TryWrite(CultureInfo.InvariantCulture, $"{seconds:F0} s", out length),
        };
        return length;
    }

    /// <summary>Appends the application and the address if they fit; files, JSON and the dashboard always have them.</summary>
    private void AppendClient(StringBuilder line, RequestLine request, int room)
    {
        var application = request.Application is { } name && name.Length <= room ? name : "";
        var gap = application.Length > 0 ? " " : "";
        var address = request.Client is { } client && application.Length + gap.Length + client.Length <= room ? client : "";
        if (application.Length + address.Length > 0)
        {
            Begin(line, Ansi.Dim);
            line.Append(application).Append(address.Length > 0 ? gap : "").Append(address);
            End(line);
        }
    }

    private void AppendStatus(StringBuilder line, string color, int? status)
    {
        const int Digits = 3;
        if (status is { } known)
        {
            Begin(line, color);
            line.Append(known);
            End(line);
        }
        else
        {
            line.Append(' ', Digits);
        }

        line.Append(Gap);
    }

    private static void Pad(StringBuilder line, int start, int width) => line.Append(' ', Math.Max(0, width - (line.Length - start))).Append(Gap);

    private static void AppendRight(StringBuilder line, ReadOnlySpan<char> cell, int width) =>
        line.Append(' ', Math.Max(0, width - cell.Length)).Append(cell).Append(Gap);

    private static void TrimEnd(StringBuilder line)
    {
        while (line.Length > 0 && line[^1] == ' ')
        {
            line.Length--;
        }
    }

    private void Begin(StringBuilder line, string color) => line.Append(HasColor ? color : "");

    private void End(StringBuilder line) => line.Append(HasColor ? Ansi.Reset : "");

    /// <summary>The widths of the columns, chosen so that a typical request fits the terminal.</summary>
    private readonly record struct Columns(int Path, int Model, int Tokens)
    {
        public const int Speed = 9;
        public const int Duration = 6;

        /// <summary>The width that the wide columns need with the application.</summary>
        private const int Wide = 112;

        /// <summary>The width they need with application and address. A wider terminal has room for longer names.</summary>
        private const int Whole = 120;

        /// <summary>Few models have longer names.</summary>
        private const int LongModel = 24;

        public int MaxPath { get; private init; } = int.MaxValue;

        public int MaxModel { get; private init; } = int.MaxValue;

        public static Columns For(int? width)
        {
            var wide = new Columns(25, 18, 14);
            var spare = Math.Max(0, (width ?? 0) - Whole) / 2;
            return width switch
            {
                null => wide,
                >= Wide => wide with { Model = Math.Min(LongModel, wide.Model + spare), MaxPath = wide.Path + spare, MaxModel = wide.Model + spare },
                _ => new Columns(18, 13, 11) { MaxPath = 18, MaxModel = 13 },
            };
        }
    }
}
