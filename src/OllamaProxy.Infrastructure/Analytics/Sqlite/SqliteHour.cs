using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The sums of some records of one hour, by their labels, and by client and labels.</summary>
internal sealed class SqliteHour
{
    private readonly Dictionary<StatLabels, StatSums> _sums = [];
    private readonly Dictionary<(string Client, StatLabels Labels), StatSums> _clientSums = [];

    public void Add(in StatRow row)
    {
        SumsOf(_sums, row.Labels).Add(row.Fact);
        SumsOf(_clientSums, (row.Client ?? SqliteRollups.NoClient, row.Labels)).Add(row.Fact);
    }

    /// <summary>Adds the sums to those in the file.</summary>
    public void Write(SqliteConnection connection, long hour)
    {
        var ids = Ids(connection);
        using (var table = new Table(connection, "hourly", "hour, labels_id"))
        {
            foreach (var (labels, sums) in _sums)
            {
                table.Add(sums, statement =>
                {
                    statement.Bind(hour);
                    statement.Bind(ids[labels]);
                });
            }
        }

        using var clients = new Table(connection, "hourly_clients", "hour, client, labels_id");
        foreach (var ((client, labels), sums) in _clientSums)
        {
            clients.Add(sums, statement =>
            {
                statement.Bind(hour);
                statement.Bind(client);
                statement.Bind(ids[labels]);
            });
        }
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

    private static readonly string s_findLabels = $"SELECT id FROM labels WHERE {string.Join(" AND ", StatLabel.All.Select(label => $"{label.Column} IS ?"))}";

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

    /// <summary>One table of sums.</summary>
    private sealed class Table(SqliteConnection connection, string name, string key) : IDisposable
    {
        private readonly SqliteStatement _get = new(
            connection, $"SELECT {SqliteSums.ReadColumns} FROM {name} WHERE {string.Join(" AND ", key.Split(", ").Select(column => $"{column} = ?"))}");

        private readonly SqliteStatement _put = new(
            connection,
            $"INSERT OR REPLACE INTO {name} ({key}, {SqliteSums.Columns}) VALUES ({string.Join(", ", key.Split(", ").Select(_ => "?"))}, {SqliteSums.Parameters})");

        /// <summary>Adds sums to the row with a key.</summary>
        public void Add(StatSums sums, Action<SqliteStatement> bindKey)
        {
            bindKey(_get);
            if (_get.Run())
            {
                SqliteSums.AddTo(_get.Row, 0, sums);
            }

            bindKey(_put);
            SqliteSums.Bind(_put, sums);
            _put.Run();
        }

        public void Dispose()
        {
            _get.Dispose();
            _put.Dispose();
        }
    }
}
