using System.Buffers;
using System.Globalization;
using System.Text;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>Records as lines of CSV (RFC 4180), with the columns of <see cref="ApiFields"/>. Unknown values are empty.</summary>
internal sealed class RecordCsv(ModelNames models) : IFieldWriter
{
    private static readonly SearchValues<char> s_formulaSigns = SearchValues.Create("=+-@＝＋－＠﹦﹢﹣﹫");

    /// <summary>Blanks, control characters (Cc) and format characters (Cf).</summary>
    private static readonly SearchValues<char> s_invisible = SearchValues.Create(
        [.. Enumerable.Range(0, char.MaxValue + 1).Select(code => (char)code)
            .Where(code => char.IsWhiteSpace(code) || char.IsControl(code) || char.GetUnicodeCategory(code) == UnicodeCategory.Format)]);

    private readonly StringBuilder _line = new();

    public static string Header { get; } = string.Join(',', ApiFields.All.Select(field => field.Name)) + "\r\n";

    public string Line(RequestRecord record)
    {
        _line.Clear();
        ApiFields.Write(record, models, this);
        _line.Length--;
        return _line.Append("\r\n").ToString();
    }

    public void Text(RecordField field, string? value) => _line.Append(Text(value)).Append(',');

    public void Number(RecordField field, long? value) => Add(value);

    public void Real(RecordField field, double? value) => Add(value);

    public void Flag(RecordField field, bool? value) => _line.Append(value switch { true => "true,", false => "false,", null => "," });

    public void Duration(RecordField field, TimeSpan? value) => Add(value?.TotalSeconds);

    public void Time(RecordField field, DateTimeOffset value) => _line.Append(CultureInfo.InvariantCulture, $"{value:o},");

    /// <summary>
    /// Quoted as RFC 4180 requires. A text that a spreadsheet may run as a formula gets a leading apostrophe, because prompts come from any client.
    /// </summary>
    internal static string Text(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        var safe = IsFormula(text) ? "'" + text : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }

    /// <summary>
    /// Whether the first visible character begins a formula. Spreadsheets skip invisible characters before it (blanks of every kind, control and format
    /// characters), and some treat full-width signs as plain ones.
    /// </summary>
    private static bool IsFormula(string text)
    {
        if (text[0] is '\t' or '\r' or '\n')
        {
            return true;
        }

        return text.AsSpan().IndexOfAnyExcept(s_invisible) is >= 0 and var first && s_formulaSigns.Contains(text[first]);
    }

    private void Add<T>(T? value)
        where T : struct, ISpanFormattable
    {
        if (value is { } known)
        {
            _line.Append(CultureInfo.InvariantCulture, $"{known}");
        }

        _line.Append(',');
    }
}
