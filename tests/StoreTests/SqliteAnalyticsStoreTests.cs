using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.StoreTests;

/// <summary>The contract, and what is SQLite's alone.</summary>
public sealed class SqliteAnalyticsStoreTests : RememberingStoreContract
{
    private string File => Path.Combine(Folder, SqliteAnalyticsStore.FileName);

    /// <summary>Positions begin shortly before the end of a part of the text index, so that everything here happens in more than one.</summary>
    private protected override IAnalyticsStore Create(AnalyticsOptions options)
    {
        if (!Path.Exists(Folder))
        {
            using var first = new SqliteAnalyticsStore(options);
            first.OpenAsync(default).GetAwaiter().GetResult();
            Ask($"UPDATE positions SET last = {SqliteTextIndex.PartSize - 30}");
        }

        return new SqliteAnalyticsStore(options);
    }

    private protected override string[] ProcessArguments => ["sqlite", Folder];

    private protected override void AssertIntact() => Assert.Equal("ok", Ask("PRAGMA integrity_check"));

    [Fact]
    public async Task The_file_has_a_write_ahead_log_a_version_and_gives_space_back()
    {
        await OpenAsync();

        Assert.Equal("wal", Ask("PRAGMA journal_mode"));
        Assert.Equal(2L, Ask("PRAGMA auto_vacuum"));
        Assert.Equal((long)SqliteSchema.Version, Ask("PRAGMA user_version"));
        Assert.Equal(1L, Ask("SELECT strict FROM pragma_table_list WHERE name = 'requests'"));
    }

    [Fact]
    public async Task Only_the_owner_may_read_the_files()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such modes; the folder's own access list holds.");
        var store = await OpenAsync();
        await store.WriteAsync([Records.Full()], default);

#pragma warning disable CA1416 // Skipped on Windows.
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, System.IO.File.GetUnixFileMode(Folder));
        Assert.All(Directory.GetFiles(Folder), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(file)));
#pragma warning restore CA1416
    }

    [Fact]
    public async Task A_batch_with_one_impossible_record_is_not_written_at_all()
    {
        var store = await OpenAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => store.WriteAsync([Records.At(1), Records.At(2) with { Method = null! }, Records.At(3)], default));

        Assert.Empty(await ReadAsync(store, RequestFilter.Everything));
    }

    [Fact]
    public async Task Records_wait_while_another_program_locks_the_database_and_are_written_after()
    {
        var store = await OpenAsync();
        using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var metrics = ActivatorUtilities.CreateInstance<ProxyMetrics>(provider, new MetricsOptions(), new ModelNames());
        var batch = new RecordBatch(store, metrics, TimeProvider.System, NullLogger<RecordBatch>.Instance);
        batch.Add(Records.At(1));
        using var other = new SqliteConnection($"Data Source={File};Pooling=False");
        other.Open();
        SqliteSchema.Execute(other, "BEGIN EXCLUSIVE");

        var first = await batch.WriteAsync(default);
        SqliteSchema.Execute(other, "ROLLBACK");
        var second = await batch.WriteAsync(default);

        Assert.False(first);
        Assert.True(second);
        Assert.Equal([Records.At(1)], (await ReadAsync(store, RequestFilter.Everything)).Select(record => record with { Id = 0 }));
    }

    [Fact]
    public async Task A_newer_file_is_refused_with_the_way_out()
    {
        (await OpenAsync() as IDisposable)!.Dispose();
        Ask("PRAGMA user_version = 99");

        await AssertRefusedAsync("newer", "ANALYTICS_DIR");
    }

    [Fact]
    public async Task A_damaged_file_is_refused_with_the_way_out()
    {
        Directory.CreateDirectory(Folder);
        await System.IO.File.WriteAllTextAsync(File, new string('x', 5_000));

        await AssertRefusedAsync("damaged", "ANALYTICS_DIR");
    }

    [Fact]
    public async Task A_file_where_the_folder_should_be_is_refused_with_the_way_out()
    {
        await System.IO.File.WriteAllTextAsync(Folder, "");

        await AssertRefusedAsync("cannot be opened", "ANALYTICS_DIR");
    }

    private async Task AssertRefusedAsync(params string[] words)
    {
        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(OpenAsync);
        Assert.All(words, word => Assert.Contains(word, exception.Message, StringComparison.Ordinal));
        Assert.Contains(Folder, exception.Message, StringComparison.Ordinal);
    }

    private object? Ask(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Texts of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteScalar();
    }
}
