using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The sums of some records of one hour, for each table of sums.</summary>
internal sealed class SqliteHour
{
    private readonly Dictionary<StatLabels, StatSums> _sums = [];
    private readonly Dictionary<(string Client, bool IsInference), StatSums> _clients = [];
    private readonly Dictionary<(string Client, StatLabels Labels), StatSums> _clientLabels = [];

    public void Add(in StatRow row)
    {
        SumsOf(_sums, row.Labels).Add(row.Fact);
        var client = row.Client ?? SqliteRollups.NoClient;
        SumsOf(_clients, (client, row.Labels.IsInference == "1")).Add(row.Fact);
        SumsOf(_clientLabels, (client, row.Labels)).Add(row.Fact);
    }

    /// <summary>Adds the sums to those in the file.</summary>
    public void Write(SqliteConnection connection, long hour)
    {
        var ids = Ids(connection);
        Write(connection, "hourly", "hour, labels_id", _sums, (statement, labels) =>
        {
            statement.Bind(hour);
            statement.Bind(ids[labels]);
        });
        Write(connection, "hourly_clients", "hour, client, is_inference", _clients, (statement, key) =>
        {
            statement.Bind(hour);
            statement.Bind(key.Client);
            statement.Bind(key.IsInference ? 1 : 0);
        });
        Write(connection, "hourly_client_labels", "hour, client, labels_id", _clientLabels, (statement, key) =>
        {
            statement.Bind(hour);
            statement.Bind(key.Client);
            statement.Bind(ids[key.Labels]);
        });
    }

    /// <summary>The ids of all labels; those that are new get a row.</summary>
    private Dictionary<StatLabels, long> Ids(SqliteConnection connection)
    {
        using var find = new SqliteStatement(connection, s_findLabels);
        using var add = new SqliteStatement(connection, s_addLabels);
        Dictionary<StatLabels, long> ids = [];
        foreach (var labels in _sums.Keys)
        {
            Array.ForEach(labels.Values, find.Bind);
            if (find.Run())
            {
                ids[labels] = raw.sqlite3_column_int64(find.Row, 0);
                continue;
            }

            Array.ForEach(labels.Values, add.Bind);
            add.Run();
            ids[labels] = raw.sqlite3_last_insert_rowid(connection.Handle);
        }

        return ids;
    }

    private static readonly string s_findLabels =
        $"SELECT id FROM labels WHERE {string.Join(" AND ", StatLabel.All.Select(label => $"{label.Field.Column} IS ?"))}";

    private static readonly string s_addLabels = $"INSERT INTO labels ({StatLabel.Columns}) VALUES ({string.Join(", ", StatLabel.All.Select(_ => "?"))})";

    private static StatSums SumsOf<T>(Dictionary<T, StatSums> all, T key)
        where T : notnull
    {
        if (!all.TryGetValue(key, out var sums))
        {
            all[key] = sums = new StatSums();
        }

        return sums;
    }

    /// <summary>Adds sums to the rows of a table.</summary>
    private static void Write<T>(SqliteConnection connection, string table, string key, Dictionary<T, StatSums> all, Action<SqliteStatement, T> bindKey)
        where T : notnull
    {
        var columns = key.Split(", ");
        using var get = new SqliteStatement(
            connection, $"SELECT {SqliteSums.ReadColumns} FROM {table} WHERE {string.Join(" AND ", columns.Select(column => $"{column} = ?"))}");
        using var put = new SqliteStatement(
            connection,
            $"INSERT OR REPLACE INTO {table} ({key}, {SqliteSums.Columns}) VALUES ({string.Join(", ", columns.Select(_ => "?"))}, {SqliteSums.Parameters})");
        foreach (var (of, sums) in all)
        {
            bindKey(get, of);
            if (get.Run())
            {
                SqliteSums.AddTo(get.Row, 0, sums);
            }

            bindKey(put, of);
            SqliteSums.Bind(put, sums);
            put.Run();
        }
    }
}
