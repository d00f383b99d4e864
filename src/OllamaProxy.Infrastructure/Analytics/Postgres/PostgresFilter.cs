using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>A filter as a condition on a request <c>r</c>.</summary>
internal sealed class PostgresFilter : SqlFilter
{
    private static readonly SqlDialect s_requests = new(field => $"r.{PostgresColumns.NameOf(field)}", ValueOf);
    private static readonly SqlDialect s_sums = new(field => field == RecordFields.ClientIp ? "client" : field.Column, ValueOf);

    /// <param name="filter">The filter.</param>
    /// <param name="looksUpTexts">
    /// Whether the texts of each request are looked up, in the order of the requests: right for a page of texts without an index. Otherwise the matching texts
    /// are found first.
    /// </param>
    public PostgresFilter(RequestFilter filter, bool looksUpTexts = false)
        : base(s_requests)
    {
        Compare(filter);
        AddTexts(filter, looksUpTexts);
    }

    private PostgresFilter()
        : base(s_sums)
    {
    }

    /// <summary>The part of a filter that the hourly sums know, without the time.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="byClient">Whether the table has a column for the client.</param>
    public static PostgresFilter OfSums(RequestFilter filter, bool byClient)
    {
        var sums = new PostgresFilter();
        sums.Compare(filter, field => StatLabel.Has(field) || (byClient && field == RecordFields.ClientIp));
        return sums;
    }

    private static object ValueOf(RecordField field, object value) => value switch
    {
        long micros when field.Kind == FieldKind.Time => PostgresTime.At(micros),
        bool flag => (short)(flag ? 1 : 0),
        string text => PostgresText.Of(text),
        _ => value,
    };

    private void AddTexts(RequestFilter filter, bool looksUp)
    {
        List<string> conditions = [];
        if (filter.Search is { Length: > 0 } search)
        {
            conditions.Add($"t.folded LIKE {Parameter(PostgresText.Pattern(search))}");
        }

        if (filter.PromptSearch is { Length: > 0 } prompt)
        {
            // The index finds the text in prompt or answer; then it must be in the prompt.
            conditions.Add($"t.folded LIKE {Parameter(PostgresText.Pattern(prompt))}");
            conditions.Add($"strpos(split_part(t.folded, chr(2), 1), {Parameter(PostgresText.Fold(prompt))}) > 0");
        }

        if (conditions.Count == 0)
        {
            return;
        }

        var all = string.Join(" AND ", conditions);
        if (looksUp)
        {
            // With a limit of its own it is no join, which the server would do in another order.
            And($"COALESCE((SELECT {all} FROM {PostgresSchema.Name}.texts t WHERE t.time = r.time AND t.id = r.id LIMIT 1), FALSE)");
            return;
        }

        // Limits the texts to the same range, so that other days' partitions are pruned.
        all += filter.From is { } from ? $" AND t.time >= {Parameter(PostgresTime.InstantFrom(from))}" : "";
        all += filter.To is { } to ? $" AND t.time <= {Parameter(PostgresTime.Instant(to))}" : "";
        And($"r.id IN (SELECT t.id FROM {PostgresSchema.Name}.texts t WHERE {all})");
    }
}
