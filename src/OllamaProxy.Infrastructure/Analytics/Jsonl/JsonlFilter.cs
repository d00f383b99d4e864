using System.Text;
using OllamaProxy.Domain;
using Field = OllamaProxy.Infrastructure.Analytics.Jsonl.JsonlField;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>A filter in the form in which it is asked of millions of lines: what is cheap to tell first, texts last.</summary>
internal sealed class JsonlFilter
{
    private readonly RequestFilter _filter;
    private readonly string? _model;
    private readonly (Field Field, byte[] Value)[] _equals;
    private readonly (Field Field, long Min, long Max)[] _ranges;
    private readonly long _from;
    private readonly long _to;

    public JsonlFilter(RequestFilter filter)
    {
        _filter = filter;
        _model = ModelName.Normalize(filter.Model);
        _equals =
        [
            .. new (Field Field, string? Value)[]
            {
                (Field.Model, _model), (Field.Endpoint, filter.Endpoint), (Field.Category, filter.Category), (Field.Status, filter.Status),
                (Field.Outcome, filter.Outcome), (Field.ErrorType, filter.ErrorType), (Field.ClientIp, filter.Client), (Field.Application, filter.Application),
                (Field.Proxy, filter.Proxy), (Field.Backend, filter.Backend), (Field.RequestId, filter.RequestId),
            }.Where(pair => pair.Value is not null).Select(pair => (pair.Field, Encoding.UTF8.GetBytes(pair.Value!))),
        ];
        _ranges =
        [
            .. new (Field Field, long? Min, long? Max)[]
            {
                (Field.InputTokens, filter.MinInputTokens, filter.MaxInputTokens),
                (Field.OutputTokens, filter.MinOutputTokens, filter.MaxOutputTokens),
                (Field.Latency, filter.MinLatency is { } min ? JsonlFormat.MicrosUp(min) : null, filter.MaxLatency is { } max ? JsonlFormat.Micros(max) : null),
            }.Where(range =>
                range.Min is not null || range.Max is not null).Select(range => (range.Field, range.Min ?? long.MinValue, range.Max ?? long.MaxValue)),
        ];
        _from = filter.From is { } from ? JsonlFormat.MicrosUp(from - DateTimeOffset.UnixEpoch) : long.MinValue;
        _to = filter.To is { } to ? JsonlFormat.Micros(to) : long.MaxValue;
    }

    /// <summary>False when no record of the block matches.</summary>
    public bool MayMatch(JsonlBlock block) =>
        block.Count > 0 && block.MaxTime >= _from && block.MinTime <= _to &&
        (_model is null || block.Models is null || Array.BinarySearch(block.Models, _model, StringComparer.Ordinal) >= 0);

    public bool Matches(JsonlLine line)
    {
        if (line.Time < _from || line.Time > _to || (_filter.IsInference is { } inference && (line.Flag(Field.IsInference) ?? false) != inference))
        {
            return false;
        }

        foreach (var (field, value) in _equals)
        {
            if (!line.Is(field, value))
            {
                return false;
            }
        }

        foreach (var (field, min, max) in _ranges)
        {
            if ((field == Field.Latency ? line.Micros(field) : line.Int64(field)) is not { } value || value < min || value > max)
            {
                return false;
            }
        }

        return (_filter.PromptSearch is not { } prompt || line.Contains(Field.Prompt, prompt)) &&
            (_filter.Search is not { } search || line.Contains(Field.Prompt, search) || line.Contains(Field.Response, search));
    }
}

/// <summary>The place of a record in an order: its value, unknown ones last, and the newer of equals first.</summary>
internal sealed class JsonlOrder(RequestOrder order, bool ascending) : IComparer<(double? Value, long Id)>
{
    public double? ValueOf(JsonlLine line) => order switch
    {
        RequestOrder.Time => line.Time,
        RequestOrder.Latency => line.Micros(Field.Latency),
        RequestOrder.TimeToFirstToken => line.Micros(Field.TimeToFirstToken),
        RequestOrder.InputTokens => line.Int64(Field.InputTokens),
        RequestOrder.OutputTokens => line.Int64(Field.OutputTokens),
        RequestOrder.TokensPerSecond => line.Double(Field.TokensPerSecond),
        _ => throw new ArgumentOutOfRangeException(nameof(line), order, "An order without a value."),
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
