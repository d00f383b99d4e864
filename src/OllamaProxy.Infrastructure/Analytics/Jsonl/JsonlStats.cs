using System.Text.Json;
using OllamaProxy.Domain;
using Field = OllamaProxy.Infrastructure.Analytics.Jsonl.JsonlField;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>Statistics from matching records, each read once and only as far as the sums need it.</summary>
internal sealed class JsonlStats(StatsQuery query)
{
    private static readonly Field[] s_labels = [.. StatLabel.All.Select(label => Enum.GetValues<Field>().Single(field => NameOf(field) == label.Column))];

    private readonly JsonlFilter _filter = new(query.Filter);
    private readonly StatsBuilder _builder = new(query);

    /// <summary>Labels have few values: each becomes a string once.</summary>
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);

    public RequestStats Of(JsonlSnapshot snapshot, CancellationToken cancellationToken)
    {
        var reader = new JsonlBlockReader();
        foreach (var (file, block) in snapshot.Pass().Where(source => _filter.MayMatch(source.Block)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var line in reader.Records(file, block))
            {
                if (_filter.Matches(line))
                {
                    _builder.Add(RowOf(line));
                }
            }
        }

        return _builder.Build();
    }

    private static string NameOf(Field field) => JsonNamingPolicy.SnakeCaseLower.ConvertName(field.ToString());

    private StatRow RowOf(JsonlLine line) => new(
        line.Time,
        new StatLabels(Array.ConvertAll(s_labels, field => field == Field.IsInference ? line.Flag(field) == true ? "1" : "0" : TextOf(line, field))),
        TextOf(line, Field.ClientIp),
        TextOf(line, Field.ErrorType),
        new StatFact(
            TextOf(line, Field.Status) ?? "",
            line.Micros(Field.Latency) ?? 0,
            line.Micros(Field.TimeToFirstToken),
            line.Double(Field.TokensPerSecond),
            line.Int64(Field.InputTokens),
            line.Int64(Field.CachedInputTokens),
            line.Int64(Field.OutputTokens),
            line.Has(Field.LoadCause) ? line.Micros(Field.LoadDuration) ?? 0 : null,
            line.Has(Field.Truncation)));

    private string? TextOf(JsonlLine line, Field field)
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
