using System.Text;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands;

/// <summary>A cell of a <see cref="Table"/>.</summary>
/// <param name="Text">The text.</param>
/// <param name="Color">One of <see cref="Ansi"/>; null for the default.</param>
internal readonly record struct Cell(string Text, string? Color = null);

/// <summary>
/// Tables with aligned columns: a name, then right-aligned numbers. On a narrow terminal the least important columns are omitted and long names are cut.
/// </summary>
/// <param name="columns">The headings of the numbers, and their omission rank: the highest is omitted first, 0 never.</param>
internal sealed class Table(params (string Head, int Spare)[] columns)
{
    private const string Gap = "  ";

    /// <summary>Columns are omitted before names become shorter than this.</summary>
    private const int ReadableName = 24;

    private readonly List<(string Head, IReadOnlyList<(string Name, Cell[] Numbers)> Rows)> _parts = [];

    public void Add(string head, IEnumerable<(string Name, Cell[] Numbers)> rows) => _parts.Add((head, [.. rows]));

    /// <param name="width">The characters of a line; null for no limit.</param>
    /// <param name="paint">Colors a text, or returns it unchanged.</param>
    /// <param name="isComplete">False when columns were omitted.</param>
    public string ToText(int? width, Func<string, string, string> paint, out bool isComplete)
    {
        var rows = _parts.SelectMany(part => part.Rows).ToList();
        var widths = columns.Select((column, index) => rows.Select(row => row.Numbers[index].Text.Length).Append(column.Head.Length).Max()).ToArray();
        var name = _parts.SelectMany(part => part.Rows.Select(row => row.Name.Length).Append(part.Head.Length)).DefaultIfEmpty().Max();
        List<int> shown = [.. Enumerable.Range(0, columns.Length)];
        while (width < Math.Min(name, ReadableName) + Numbers() && shown.Exists(index => columns[index].Spare > 0))
        {
            shown.Remove(shown.MaxBy(index => columns[index].Spare));
        }

        isComplete = shown.Count == columns.Length;
        name = width is { } limit ? Math.Min(name, Math.Max(1, limit - Numbers())) : name;
        var text = new StringBuilder();
        foreach (var part in _parts)
        {
            text.Append(text.Length > 0 ? Environment.NewLine : "").AppendLine(Line(part.Head, Ansi.Bold, index => new Cell(columns[index].Head, Ansi.Dim)));
            foreach (var row in part.Rows)
            {
                text.AppendLine(Line(row.Name, null, index => row.Numbers[index]));
            }
        }

        return text.ToString();

        int Numbers() => shown.Sum(index => widths[index] + Gap.Length);

        string Line(string first, string? color, Func<int, Cell> cell)
        {
            var cut = TextCut.Middle(first, name);
            return Painted(cut, color) + new string(' ', name - cut.Length)
                + string.Concat(shown.Select(index => Gap + Right(cell(index), widths[index])));
        }

        string Right(Cell cell, int columnWidth) => new string(' ', columnWidth - cell.Text.Length) + Painted(cell.Text, cell.Color);

        string Painted(string plain, string? color) => color is null ? plain : paint(color, plain);
    }
}
