using System.Globalization;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>A filter as a condition on records, with what the text index needs of it.</summary>
internal sealed class SqliteFilter : SqlFilter
{
    private static readonly SqlDialect s_dialect = new(field => field.Column, (_, value) => value is bool flag ? flag ? 1L : 0L : value);

    public SqliteFilter(RequestFilter filter)
        : this()
    {
        Compare(filter);
        From = filter.From is { } from ? Micros.From(from) : null;
        To = filter.To is { } to ? Micros.Of(to) : null;
        Match = SqliteTextIndex.Match(filter.Search, filter.PromptSearch);
        if (filter.PromptSearch is { Length: > 0 } prompt)
        {
            And($"{SqliteFunctions.Contains}(prompt, {Parameter(prompt)})");
        }

        if (filter.Search is { Length: > 0 } search)
        {
            var text = Parameter(search);
            And($"({SqliteFunctions.Contains}(prompt, {text}) OR {SqliteFunctions.Contains}(response, {text}))");
        }
    }

    private SqliteFilter()
        : base(s_dialect)
    {
    }

    /// <summary>The ends of the range of time in microseconds; null for no end.</summary>
    public long? From { get; }

    public long? To { get; }

    /// <summary>The query of the text index (<see cref="SqliteTextIndex.Match"/>).</summary>
    public string? Match { get; }

    /// <summary>The part of a filter that the labels of hourly sums know.</summary>
    public static SqliteFilter OfLabels(RequestFilter filter)
    {
        var labels = new SqliteFilter();
        labels.Compare(filter, StatLabel.Has);
        return labels;
    }

    /// <summary>A statement with the parameters of this filter, and with others.</summary>
    public SqliteCommand Command(SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> others)
    {
        var command = SqliteSchema.Command(connection, sql);
        for (var index = 0; index < Values.Count; index++)
        {
            command.Parameters.AddWithValue(string.Create(CultureInfo.InvariantCulture, $"${index + 1}"), Values[index]);
        }

        foreach (var (name, value) in others)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }

    /// <summary>A statement about some candidates.</summary>
    public SqliteCommand Command(SqliteConnection connection, string sql, SqliteCandidates candidates) =>
        candidates.Ids is { } ids ? Command(connection, sql, ("@Ids", ids)) : Command(connection, sql, []);
}
