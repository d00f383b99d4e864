using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using Fields = OllamaProxy.Application.Analytics.RecordFields;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>Statistics from matching records, of which only the needed values are decoded.</summary>
internal sealed class JsonlStats(StatsQuery query)
{
    private static readonly RecordField[] s_labels = [.. StatLabel.All.Select(label => label.Field)];

    private readonly StatsBuilder _builder = new(query);

    /// <summary>Labels have few values, so each becomes a string once.</summary>
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);

    public RequestStats Of(JsonlSnapshot snapshot, CancellationToken cancellationToken)
    {
        foreach (var line in JsonlSearch.Matching(snapshot, new JsonlFilter(query.Filter), cancellationToken))
        {
            _builder.Add(RowOf(line));
        }

        return _builder.Build();
    }

    private StatRow RowOf(JsonlLine line) => new(
        line.Time,
        new StatLabels(Array.ConvertAll(s_labels, field => field == Fields.IsInference ? line.Flag(field) == true ? "1" : "0" : TextOf(line, field))),
        TextOf(line, Fields.ClientIp),
        TextOf(line, Fields.ErrorType),
        new StatFact(
            TextOf(line, Fields.Status) ?? "",
            line.MicrosOf(Fields.Latency) ?? 0,
            line.MicrosOf(Fields.TimeToFirstToken),
            line.Real(Fields.TokensPerSecond),
            line.Number(Fields.InputTokens),
            line.Number(Fields.CachedInputTokens),
            line.Number(Fields.OutputTokens),
            line.Has(Fields.LoadCause) ? line.MicrosOf(Fields.LoadDuration) ?? 0 : null,
            line.Has(Fields.Truncation)));

    private string? TextOf(JsonlLine line, RecordField field)
    {
        if (!line.Has(field))
        {
            return null;
        }

        var text = line.Chars(field);
        var known = _texts.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!known.TryGetValue(text, out var same))
        {
            _texts.Add(same = text.ToString());
        }

        return same;
    }
}
