using System.Text;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>A filter prepared for millions of lines: cheap comparisons first, texts last.</summary>
internal sealed class JsonlFilter
{
    private readonly RequestFilter _filter;
    private readonly string? _model;
    private readonly (RecordField Field, byte[] Value)[] _texts;
    private readonly (RecordField Field, long Min, long Max)[] _ranges;
    private readonly long _from;
    private readonly long _to;

    public JsonlFilter(RequestFilter filter)
    {
        var parts = FilterParts.Comparisons(filter).ToList();
        (_filter, _model) = (filter, ModelName.Normalize(filter.Model));
        _from = filter.From is { } from ? Micros.From(from) : long.MinValue;
        _to = filter.To is { } to ? Micros.Of(to) : long.MaxValue;
        _texts = [.. parts.Where(item => item.Value is string).Select(item => (item.Part.Field, Encoding.UTF8.GetBytes((string)item.Value)))];
        _ranges =
        [
            .. from item in parts
               where item.Value is long && item.Part.Field != RecordFields.Timestamp
               select item.Part.Comparison == Comparison.AtLeast
                   ? (item.Part.Field, (long)item.Value, long.MaxValue)
                   : (item.Part.Field, long.MinValue, (long)item.Value),
        ];
    }

    /// <summary>False when no record of the block matches.</summary>
    public bool MayMatch(JsonlBlock block) =>
        block.Count > 0 && block.MaxTime >= _from && block.MinTime <= _to &&
        (_model is null || block.Models is null || Array.BinarySearch(block.Models, _model, StringComparer.Ordinal) >= 0);

    public bool Matches(JsonlLine line)
    {
        if (line.Time < _from || line.Time > _to || (_filter.IsInference is { } inference && (line.Flag(RecordFields.IsInference) ?? false) != inference))
        {
            return false;
        }

        foreach (var (field, value) in _texts)
        {
            if (!line.Is(field, value))
            {
                return false;
            }
        }

        foreach (var (field, min, max) in _ranges)
        {
            if ((field.Kind == FieldKind.Duration ? line.MicrosOf(field) : line.Number(field)) is not { } value || value < min || value > max)
            {
                return false;
            }
        }

        return (_filter.PromptSearch is not { } prompt || line.Contains(RecordFields.Prompt, prompt)) &&
            (_filter.Search is not { } search || line.Contains(RecordFields.Prompt, search) || line.Contains(RecordFields.Response, search));
    }
}

/// <summary>The place of a record in an order: its value, unknown ones last, and the newer of equals first.</summary>
internal sealed class JsonlOrder(RequestOrder order, bool ascending) : IComparer<(double? Value, long Id)>
{
    private readonly RecordField _field = RecordFields.Of(order);

    public double? ValueOf(JsonlLine line) => _field.Kind switch
    {
        FieldKind.Duration or FieldKind.Time => line.MicrosOf(_field),
        FieldKind.Real => line.Real(_field),
        _ => line.Number(_field),
    };

    /// <summary>Below zero when the first comes first.</summary>
    public int Compare((double? Value, long Id) x, (double? Value, long Id) y)
    {
        var known = (x.Value, y.Value) switch
        {
            (null, null) => 0,
            (null, _) => 1,
            (_, null) => -1,
            ({ } first, { } second) => ascending ? first.CompareTo(second) : second.CompareTo(first),
        };
        return known != 0 ? known : y.Id.CompareTo(x.Id);
    }
}
