using Npgsql;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>The columns of <see cref="StatLabel.All"/> and <see cref="StatSums"/> in a table of sums.</summary>
internal static class PostgresSums
{
    /// <summary>The types of the columns of a measure.</summary>
    private static readonly string[] s_types = ["bigint", "double precision", "double precision", "bytea"];

    public static string LabelDeclarations { get; } = StatLabel.Declarations("smallint", "text");

    public static string Declarations { get; } = StatColumns.Declarations("bigint", s_types);

    /// <summary>The labels as texts, in the order of <see cref="StatLabel.All"/>.</summary>
    public static string LabelTexts { get; } = string.Join(", ", StatLabel.All.Select(label => $"{label.Field.Column}::text"));

    /// <summary>The sums of a group of rows, as <see cref="AddTo"/> reads them. Two histograms one after the other are their sum.</summary>
    public static string Aggregates { get; } = string.Join(
        ", ",
        [
            .. StatColumns.Numbers.Select(number => $"sum({number})::bigint"),
            .. StatColumns.Measures.Select(measure => $"sum({measure}_sum), max({measure}_max), string_agg({measure}_histogram, ''::bytea)"),
        ]);

    /// <summary>How many columns <see cref="AddTo"/> reads.</summary>
    public static int AggregateCount { get; } = StatColumns.Numbers.Count + (StatColumns.Measures.Count * ColumnsOfMeasure);

    private const int ColumnsOfMeasure = 3;

    /// <summary>Inserts rows from arrays, or replaces those that are there.</summary>
    /// <param name="table">The table.</param>
    /// <param name="labels">Its columns between <c>cell</c> and <see cref="StatColumns.All"/>, separated by commas.</param>
    public static string Upsert(string table, string labels)
    {
        (string Name, string Type, string Cast)[] columns =
        [
            ("start", "timestamptz", ""),
            ("cell", "integer", ""),
            .. labels.Split(", ").Select(label => (label, "text", label == RecordFields.IsInference.Column ? "::smallint" : "")),
            .. StatColumns.Numbers.Select(number => (number, "bigint", "")),
            .. StatColumns.Measures.SelectMany(measure => StatColumns.Of(measure).Zip(s_types, (part, type) => (part, type, ""))),
        ];
        var names = string.Join(", ", columns.Select(column => column.Name));
        var arrays = string.Join(", ", columns.Select((column, index) => FormattableString.Invariant($"${index + 2}::{column.Type}[]")));
        return $"""
            INSERT INTO {PostgresSchema.Name}.{table} AS kept (writer, {names})
            SELECT $1, {string.Join(", ", columns.Select(column => column.Name + column.Cast))}
            FROM unnest({arrays}) AS added ({names})
            ON CONFLICT (start, writer, cell) DO UPDATE SET {string.Join(", ", StatColumns.All.Select(column => $"{column} = EXCLUDED.{column}"))}
            """;
    }

    /// <summary>The values of <see cref="StatColumns.All"/>, an array for each.</summary>
    public static IEnumerable<object> Values(IReadOnlyCollection<StatSums> rows)
    {
        foreach (var number in StatSums.Numbers)
        {
            yield return rows.Select(row => row[number]).ToArray();
        }

        foreach (var measure in StatSums.Measures)
        {
            yield return rows.Select(row => row[measure].Count).ToArray();
            yield return rows.Select(row => row[measure].Sum).ToArray();
            yield return rows.Select(row => row[measure].Max ?? 0).ToArray();
            yield return rows.Select(row => HistogramBytes.Of(row[measure])).ToArray();
        }
    }

    /// <summary>Adds a row of <see cref="Aggregates"/> to some sums.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">Its first column of sums.</param>
    /// <param name="targets">The sums that grow.</param>
    public static void AddTo(NpgsqlDataReader row, int first, params ReadOnlySpan<StatSums> targets)
    {
        for (var number = 0; number < StatColumns.Numbers.Count; number++)
        {
            var value = row.GetInt64(first + number);
            foreach (var target in targets)
            {
                target[StatSums.Numbers[number]] += value;
            }
        }

        for (var measure = 0; measure < StatColumns.Measures.Count; measure++)
        {
            var at = first + StatColumns.Numbers.Count + (measure * ColumnsOfMeasure);
            var histogram = row.GetFieldValue<byte[]>(at + 2);
            if (histogram.Length == 0)
            {
                continue;
            }

            var (sum, max) = (row.GetDouble(at), row.GetDouble(at + 1));
            foreach (var target in targets)
            {
                HistogramBytes.AddTo(target[StatSums.Measures[measure]], histogram);
                target[StatSums.Measures[measure]].AddSum(sum, max);
            }
        }
    }

    /// <summary>The labels of a row of <see cref="LabelTexts"/>.</summary>
    public static StatLabels LabelsOf(NpgsqlDataReader row, int first)
    {
        var values = new string?[StatLabel.All.Count];
        for (var label = 0; label < values.Length; label++)
        {
            values[label] = row.IsDBNull(first + label) ? null : row.GetString(first + label);
        }

        return new StatLabels(values);
    }
}
