using System.Globalization;
using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>A filter as a condition on a request <c>r</c>, made of fixed texts, and the values of its parameters.</summary>
internal sealed class PostgresFilter
{
    private readonly List<object> _values = [];
    private readonly StringBuilder _condition = new("TRUE");

    /// <param name="filter">The filter.</param>
    /// <param name="looksUpTexts">
    /// Whether the texts of each request are looked up, in the order of the requests: right for a page of texts without an index. Else those that match are
    /// found first.
    /// </param>
    public PostgresFilter(RequestFilter filter, bool looksUpTexts = false)
    {
        AddLabels(filter, "r.", "client_ip");
        // Repeats the condition of the partial index, so that the planner uses it.
        Add(filter.ErrorType, "r.status <> 'success' AND r.error_type =");
        Add(filter.RequestId, "r.request_id =");
        Add(filter.From is { } from ? PostgresTime.InstantFrom(from) : null, "r.time >=");
        Add(filter.To is { } to ? PostgresTime.Instant(to) : null, "r.time <=");
        Add(filter.MinInputTokens, "r.input_tokens >=");
        Add(filter.MaxInputTokens, "r.input_tokens <=");
        Add(filter.MinOutputTokens, "r.output_tokens >=");
        Add(filter.MaxOutputTokens, "r.output_tokens <=");
        // A range is inclusive, so its ends move inwards to whole microseconds.
        Add((filter.MinLatency?.Ticks + TimeSpan.TicksPerMicrosecond - 1) / TimeSpan.TicksPerMicrosecond, "r.latency_us >=");
        Add(filter.MaxLatency?.Ticks / TimeSpan.TicksPerMicrosecond, "r.latency_us <=");
        AddTexts(filter, looksUpTexts);
        NeedsRows = (filter.Search, filter.PromptSearch, filter.ErrorType, filter.RequestId) is not (null or "", null or "", null, null)
            || (filter.MinInputTokens ?? filter.MaxInputTokens ?? filter.MinOutputTokens ?? filter.MaxOutputTokens) is not null
            || (filter.MinLatency ?? filter.MaxLatency) is not null;
    }

    private PostgresFilter()
    {
    }

    /// <summary>The values of the parameters, in their order.</summary>
    public IReadOnlyList<object> Values => _values;

    /// <summary>The condition, to stand behind WHERE.</summary>
    public string Condition => _condition.ToString();

    /// <summary>True when the hourly sums cannot answer, because they do not know the single record.</summary>
    public bool NeedsRows { get; }

    /// <summary>The part of a filter that the hourly sums know, without the time.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="client">The column of the client; null for a table without one.</param>
    public static PostgresFilter OfSums(RequestFilter filter, string? client)
    {
        var sums = new PostgresFilter();
        sums.AddLabels(filter, "", client);
        return sums;
    }

    /// <summary>Adds a parameter; returns how SQL names it.</summary>
    public string Parameter(object value)
    {
        _values.Add(value);
        return string.Create(CultureInfo.InvariantCulture, $"${_values.Count}");
    }

    /// <summary>Adds a condition.</summary>
    public PostgresFilter And(string condition)
    {
        _condition.Append(" AND ").Append(condition);
        return this;
    }

    private void AddLabels(RequestFilter filter, string prefix, string? client)
    {
        Add(ModelName.Normalize(filter.Model), $"{prefix}model =");
        Add(filter.Endpoint, $"{prefix}endpoint =");
        Add(filter.Category, $"{prefix}category =");
        Add(filter.Status, filter.Status == "success" ? $"{prefix}status =" : $"{prefix}status <> 'success' AND {prefix}status =");
        Add(filter.Outcome, $"{prefix}outcome =");
        Add(filter.Application, $"{prefix}application =");
        Add(filter.Proxy, $"{prefix}proxy =");
        Add(filter.Backend, $"{prefix}backend =");
        Add(filter.IsInference is { } inference ? (short)(inference ? 1 : 0) : null, $"{prefix}is_inference =");
        if (client is not null)
        {
            Add(filter.Client, $"{prefix}{client} =");
        }
    }

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

    private void Add(object? value, string comparison)
    {
        if (value is not null)
        {
            And($"{comparison} {Parameter(value is string text ? PostgresText.Of(text) : value)}");
        }
    }
}
