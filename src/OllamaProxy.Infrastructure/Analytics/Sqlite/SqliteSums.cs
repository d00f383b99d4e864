using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Reads and writes the columns of <see cref="StatColumns"/>.</summary>
internal static class SqliteSums
{
    /// <summary>The columns of a measure that are read: all but its count.</summary>
    private const int ReadOfMeasure = 3;

    /// <summary>The columns that <see cref="AddTo"/> reads, separated by commas.</summary>
    public static string ReadColumns { get; } =
        string.Join(", ", [.. StatColumns.Numbers, .. StatColumns.Measures.SelectMany(name => StatColumns.Of(name).Skip(1))]);

    /// <summary>All columns in the order of <see cref="Bind"/>, separated by commas.</summary>
    public static string Columns { get; } = string.Join(", ", StatColumns.All);

    /// <summary>A parameter for each column.</summary>
    public static string Parameters { get; } = string.Join(", ", StatColumns.All.Select(_ => "?"));

    /// <summary>The columns with their types.</summary>
    public static string Declarations { get; } = StatColumns.Declarations("INTEGER", ["INTEGER", "REAL", "REAL", "BLOB"]);

    /// <summary>Adds the sums of a row to others.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">The first of <see cref="ReadColumns"/>.</param>
    /// <param name="sums">The sums that grow.</param>
    public static void AddTo(sqlite3_stmt row, int first, StatSums sums)
    {
        // Without enumerators: this runs for every row of a week.
        for (var number = 0; number < StatSums.Numbers.Count; number++)
        {
            sums[(StatNumber)number] += raw.sqlite3_column_int64(row, first++);
        }

        for (var measure = 0; measure < StatSums.Measures.Count; measure++, first += ReadOfMeasure)
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
}
