using System.Globalization;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.StoreTests;

/// <summary>Hours that are over are packed, and say the same as before at every moment.</summary>
public sealed class SqliteHourPackTests : IDisposable
{
    /// <summary>More combinations of labels than go into one pack.</summary>
    private const int Busy = (int)SqliteHourPacks.CellsOfPack + 700;

    private static readonly StatsQuery[] s_questions =
    [
        new(RequestFilter.Everything, TimeSpan.FromHours(1), 5, StatDimension.Model),
        new(new RequestFilter { IsInference = false }),
        new(new RequestFilter { Model = "phi4" }, TimeSpan.FromHours(1), 5, StatDimension.Client),
        new(new RequestFilter { Client = "10.0.3.9", Status = "success" }),
        new(new RequestFilter { Category = "absent" }),
        new(RequestFilter.Everything) { Groups = [] },
        new(new RequestFilter { Model = "phi4" }, TimeSpan.FromHours(1)) { Groups = [] },
        new(RequestFilter.Everything, TimeSpan.FromHours(1), 5, StatDimension.Application) { Groups = [StatDimension.Model] },
        new(RequestFilter.Everything, TimeSpan.FromHours(1), 5, StatDimension.Client) { Groups = [StatDimension.Application] },
    ];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-packs-");
    private readonly SqliteAnalyticsStore _store;

    public SqliteHourPackTests() => _store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName });

    [Fact]
    public async Task Statistics_are_right_after_every_piece_and_for_what_comes_late_and_goes()
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync([.. Enumerable.Range(0, Busy).Select(One)], default);
        await AssertRightAsync();

        await _store.WriteAsync([Records.At(3 * 3_600)], default);
        await _store.Upkeep();
        Assert.Equal((2L, 1L), (Ask("SELECT COUNT(*) FROM packs"), Ask("SELECT COUNT(*) FROM rollups")));
        Assert.Equal(SqliteRollups.Closed, Ask("SELECT state FROM hours ORDER BY hour"));
        await AssertRightAsync();

        // A request that took hours.
        await _store.WriteAsync([One(17) with { RequestId = "late" }, One(99) with { RequestId = "later", ClientIp = "10.9.9.9" }], default);
        await AssertRightAsync();
        await _store.Upkeep();
        Assert.Equal(3L, Ask("SELECT COUNT(*) FROM packs"));
        await AssertRightAsync();

        Assert.Equal(1, await _store.DeleteAsync(new RequestFilter { Client = "10.9.9.9" }, default));
        await AssertRightAsync();
        await _store.Upkeep();
        await AssertRightAsync();
        Assert.Equal(2L, Ask("SELECT COUNT(*) FROM packs"));

        Assert.Equal(Busy + 2, await _store.DeleteAsync(RequestFilter.Everything, default));
        Assert.Equal((0L, 0L), (Ask("SELECT COUNT(*) FROM packs"), Ask("SELECT COUNT(*) FROM client_sums")));
    }

    [Fact]
    public async Task A_piece_more_or_less_makes_no_difference()
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync([.. Enumerable.Range(0, Busy).Select(One), Records.At(9 * 3_600)], default);
        await _store.Upkeep();
        var packed = await _store.SummarizeAsync(s_questions[2], default);
        // As a newer hour would have left it in the middle: the second piece is not packed yet.
        using (var connection = Open())
        {
            SqliteSchema.Execute(connection, "DELETE FROM packs; UPDATE hours SET state = 0;");
            var hour = SqliteSchema.Scalar(connection, "SELECT MIN(hour) FROM hours");
            var (sums, last) = SqliteRollups.SumUp(connection, hour);
            SqliteRollups.Restore(connection, hour, sums, last);
            Assert.True(SqliteHourPacks.PackPiece(connection));
            Assert.Equal(Busy + 1 - SqliteHourPacks.CellsOfPack, SqliteSchema.Scalar(connection, "SELECT COUNT(*) FROM rollups"));
        }

        await AssertRightAsync();
        Assert.Equal(packed.Total, (await _store.SummarizeAsync(s_questions[2], default)).Total);
    }

    [Theory]
    [InlineData("UPDATE packs SET keys = x'FF'")]
    [InlineData("UPDATE packs SET sums = substr(sums, 1, length(sums) - 1)")]
    [InlineData("UPDATE packs SET clients = substr(clients, 1, length(clients) - 1)")]
    [InlineData("UPDATE client_sums SET sums = CAST(sums || x'00' AS BLOB)")]
    [InlineData("DELETE FROM client_sums")]
    [InlineData("UPDATE client_sums SET sums = x''")]
    [InlineData("UPDATE client_sums SET sums = x'' WHERE id < (SELECT MAX(id) FROM packs) * 16384")]
    [InlineData("UPDATE rollups SET sums = x'01FFFFFFFFFFFFFFFF7F'")]
    public async Task Damaged_sums_are_told_from_the_rows_and_made_again(string damage)
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync([.. Enumerable.Range(0, 200).Select(One), One(7) with { RequestId = "next", Timestamp = Records.At(3_700).Timestamp }, Records.At(5 * 3_600)], default);
        await _store.Upkeep();
        Ask(damage);

        await AssertAnswersAsync();
        await _store.Upkeep();

        await AssertRightAsync();
        Assert.Equal(0, Ask("SELECT COUNT(*) FROM hours WHERE state = 0"));
    }

    [Fact]
    public void What_is_no_pack_is_refused()
    {
        var sums = new StatSums();
        sums.Add("success", new StatNumbers(1, 0.5, 20, 3, null, 7));
        var labels = StatLabels.Of(One(1));
        var pack = HourPack.Of([(labels, sums), (labels with { Client = null, IsInference = false }, sums)]);
        byte[][] parts = [pack.Keys, pack.Sums, pack.Clients, .. pack.ClientSums];
        Assert.Equal((2L, 2L, 2L), Read(parts));

        for (var part = 0; part < parts.Length; part++)
        {
            // A client without a combination is found by its requests.
            for (var length = part > 2 ? 1 : 0; length < parts[part].Length; length++)
            {
                Assert.Throws<FormatException>(() => Read(With(part, parts[part][..length])));
            }

            Assert.Throws<FormatException>(() => Read(With(part, [.. parts[part], 0])));
        }

        byte[][] With(int index, byte[] bytes) => [.. parts.Select((part, number) => number == index ? bytes : part)];
    }

    [Fact]
    public async Task Records_are_counted_through_all_that_adds_and_removes_them()
    {
        await _store.OpenAsync(default);
        Assert.Equal(0, (await _store.GetStatsAsync(default)).TotalRecords);
        await _store.WriteAsync([.. Enumerable.Range(0, 700).Select(One)], default);
        Assert.Equal(700, (await _store.GetStatsAsync(default)).TotalRecords);
        await Assert.ThrowsAnyAsync<Exception>(() => _store.WriteAsync([One(1), One(2) with { Status = null! }], default));
        Assert.Equal(700, (await _store.GetStatsAsync(default)).TotalRecords);

        await _store.DeleteAsync(new RequestFilter { Model = "phi4" }, default);
        await _store.DeleteAsync((await _store.SearchAsync(new RequestQuery { Limit = 1 }, default)).Records[0].Id, default);
        await _store.RetainAsync(new RetentionRules(One(300).Timestamp, null, null), default);

        var left = (await _store.ReadAsync(RequestFilter.Everything, default).ToListAsync()).Count;
        Assert.InRange(left, 100, 500);
        Assert.Equal(left, (await _store.GetStatsAsync(default)).TotalRecords);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>All in one hour, and no two with the same labels.</summary>
    private static RequestRecord One(int number) => Records.At(number % 3_600) with
    {
        RequestId = number.ToString(CultureInfo.InvariantCulture),
        Model = (number % 3) switch { 0 => "phi4:latest", 1 => "llama3:8b", _ => null },
        ClientIp = number == 7 ? null : string.Create(CultureInfo.InvariantCulture, $"10.0.{number / 500}.{number % 500}"),
        Application = number % 2 == 0 ? "curl" : null,
        Status = number % 9 == 4 ? "error" : "success",
        IsInference = number % 4 > 0,
        InputTokens = number,
        Latency = TimeSpan.FromMilliseconds(1 + number),
    };

    /// <summary>The answers are right, and none had to be made from the rows because sums could not be read.</summary>
    private async Task AssertRightAsync()
    {
        using var connection = Open();
        Assert.All(s_questions, query => Assert.Null(SqliteSummary.Of(connection, query, default).Damaged));
        await AssertAnswersAsync();
    }

    private async Task AssertAnswersAsync()
    {
        var all = await _store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        foreach (var query in s_questions)
        {
            Expected.AssertStats(all, query, await _store.SummarizeAsync(query, default));
        }
    }

    /// <summary>The requests of a pack: those summed up without clients and with them, and those counted.</summary>
    private static (long Summed, long OfClients, long Counted) Read(byte[][] parts)
    {
        var query = new StatsQuery(RequestFilter.Everything);
        var labels = new RollupLabels(query, new StatsBuilder(query));
        var cell = new StatCell();
        var (summed, ofClients, counted, next) = (0L, 0L, 0L, 0);
        labels.Open(parts[0]);
        ReadOnlySpan<byte> all = parts[1];
        while (labels.NextCombination(ref next, ref all, out var bytes))
        {
            cell.Read(bytes);
            summed += cell.Requests;
        }

        var clients = new HourPackClients(parts[2]);
        while (labels.NextClient(ref clients, out var counts))
        {
            counted += labels.Count(counts);
            ReadOnlySpan<byte> sums = parts[2 + clients.Taken];
            while (labels.NextCell(ref sums, out var bytes))
            {
                cell.Read(bytes);
                ofClients += cell.Requests;
            }
        }

        return (summed, ofClients, counted);
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.FullName, SqliteAnalyticsStore.FileName)};Pooling=False");
        connection.Open();
        return connection;
    }

    private long Ask(string sql)
    {
        using var connection = Open();
        using var command = SqliteSchema.Command(connection, sql);
        return command.ExecuteScalar() as long? ?? 0;
    }
}
