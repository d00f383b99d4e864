using System.Text.Json;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The columns of <see cref="StatSums"/> in a table: one for each number, and the count, sum, maximum and histogram of each measure.</summary>
internal static class SqliteSums
{
    /// <summary>The columns of a measure that are read: its count follows from its histogram, and is there for people.</summary>
    private static readonly string[] s_read = ["sum", "max", "histogram"];

    private static readonly string[] s_numbers = [.. StatSums.Numbers.Select(number => Name(number))];
    private static readonly string[] s_measures = [.. StatSums.Measures.Select(measure => Name(measure))];

    /// <summary>The columns that <see cref="AddTo"/> reads, separated by commas.</summary>
    public static string ReadColumns { get; } =
        string.Join(", ", [.. s_numbers, .. s_measures.SelectMany(measure => s_read.Select(part => $"{measure}_{part}"))]);

    /// <summary>All columns in the order of <see cref="Bind"/>, separated by commas.</summary>
    public static string Columns { get; } =
        string.Join(", ", [.. s_numbers, .. s_measures.SelectMany(measure => s_read.Prepend("count").Select(part => $"{measure}_{part}"))]);

    /// <summary>A parameter for each column.</summary>
    public static string Parameters { get; } = string.Join(", ", Columns.Split(", ").Select(_ => "?"));

    /// <summary>The columns with their types.</summary>
    public static string Declarations { get; } = string.Join(
        ",\n    ",
        [
            .. s_numbers.Select(number => $"{number} INTEGER NOT NULL"),
            .. s_measures.Select(name => $"{name}_count INTEGER NOT NULL, {name}_sum REAL NOT NULL, {name}_max REAL NOT NULL, {name}_histogram BLOB NOT NULL"),
        ]);

    /// <summary>The column of a number.</summary>
    public static string Name(StatNumber number) => JsonNamingPolicy.SnakeCaseLower.ConvertName(number.ToString());

    /// <summary>Adds the sums of a row to others.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">The first of <see cref="ReadColumns"/>.</param>
    /// <param name="sums">The sums that grow.</param>
    public static void AddTo(sqlite3_stmt row, int first, StatSums sums)
    {
        // Without enumerators: this runs for every row of a week.
        for (var number = 0; number < s_numbers.Length; number++)
        {
            sums[(StatNumber)number] += raw.sqlite3_column_int64(row, first++);
        }

        for (var measure = 0; measure < s_measures.Length; measure++, first += s_read.Length)
        {
            var histogram = raw.sqlite3_column_blob(row, first + 2);
            if (!histogram.IsEmpty)
            {
                var target = sums[(StatMeasure)measure];
                HistogramBytes.AddTo(target, histogram);
                target.AddSum(raw.sqlite3_column_double(row, first), raw.sqlite3_column_double(row, first + 1));
            }
        }
    }

    public static void Bind(SqliteStatement statement, StatSums sums)
    {
        foreach (var number in StatSums.Numbers)
        {
            statement.Bind(sums[number]);
        }

        foreach (var measure in StatSums.Measures)
        {
            statement.Bind(sums[measure].Count);
            statement.Bind(sums[measure].Sum);
            statement.Bind(sums[measure].Max ?? 0);
            statement.Bind(HistogramBytes.Of(sums[measure]));
        }
    }

    private static string Name(StatMeasure measure) => JsonNamingPolicy.SnakeCaseLower.ConvertName(measure.ToString());
}
