using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

/// <summary>A store whose files others delete, replace, damage or hold.</summary>
public sealed class ReopeningStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-reopen-");
    private readonly List<IDisposable> _opened = [];
    private readonly StoreHealth _health = new(TimeProvider.System, NullLogger<StoreHealth>.Instance);

    private string Folder => Path.Combine(_folder.FullName, "data");

    private string Database => Path.Combine(Folder, "ollama_analytics.db");

    private string Day => Path.Combine(Folder, "requests-2026-11-01.jsonl");

    public void Dispose()
    {
        _opened.ForEach(store => store.Dispose());
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("sqlite", "ollama_analytics.db")]
    [InlineData("sqlite", "ollama_analytics.db*")]
    [InlineData("sqlite", "ollama_analytics.db.lock")]
    [InlineData("sqlite", "ollama_analytics.db-wal")]
    [InlineData("sqlite", "ollama_analytics.db-shm")]
    [InlineData("sqlite", "")]
    [InlineData("jsonl", "requests-2026-11-01.jsonl")]
    [InlineData("jsonl", "requests.lock")]
    [InlineData("jsonl", "")]
    public async Task Files_that_were_deleted_are_made_anew_and_the_next_records_are_in_them(string backend, string files)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not let go of a file that is in use.");
        var store = Create(backend);
        Assert.True(await store.TendAsync(default));
        await store.WriteAsync([Records.At(1)], default);
        Assert.True(await store.TendAsync(default));
        Remove(files);

        await Assert.ThrowsAsync<AnalyticsStoreException>(() => store.WriteAsync([Records.At(2)], default));
        Assert.True(await store.TendAsync(default));
        await store.WriteAsync([Records.At(2)], default);

        var kept = files.EndsWith("lock", StringComparison.Ordinal) || files.Contains('-', StringComparison.Ordinal) && backend == "sqlite";
        Assert.Equal(kept ? [Records.At(2), Records.At(1)] : [Records.At(2)], await AllAsync(store));
        store.Dispose();
        Assert.Equal(kept ? 2 : 1, (await AllAsync(await OpenAsync(backend))).Count);
    }

    [Fact]
    public async Task A_database_that_was_moved_away_has_all_records_and_one_put_in_its_place_is_used()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not let go of a file that is in use.");
        var store = await OpenAsync("sqlite");
        await store.WriteAsync([Records.At(1)], default);
        var moved = Path.Combine(_folder.FullName, "moved");
        Directory.CreateDirectory(moved);
        File.Move(Database, Path.Combine(moved, "ollama_analytics.db"));

        Assert.True(await store.TendAsync(default));
        await store.WriteAsync([Records.At(2)], default);
        File.Copy(Path.Combine(moved, "ollama_analytics.db"), Database + ".new");
        File.Move(Database + ".new", Database, overwrite: true);
        Assert.True(await store.TendAsync(default));
        await store.WriteAsync([Records.At(3)], default);

        Assert.Equal([Records.At(3), Records.At(1)], await AllAsync(store));
        store.Dispose();
        Assert.Equal("ok", Ask("PRAGMA integrity_check"));
    }

    [Theory]
    [InlineData("header")]
    [InlineData("pages")]
    [InlineData("text")]
    [InlineData("zeros")]
    public async Task A_damaged_database_is_moved_aside_with_its_reason_and_a_new_one_is_made(string damage)
    {
        var store = await OpenAsync("sqlite");
        await store.WriteAsync([.. Enumerable.Range(0, 200).Select(Records.At)], default);
        store.Dispose();
        var bytes = await File.ReadAllBytesAsync(Database);
        // A log that was not merged yet would bring the pages back.
        File.Delete(Database + "-wal");
        File.Delete(Database + "-shm");
        await File.WriteAllBytesAsync(Database, damage switch
        {
            "header" => bytes[..100],
            "pages" => [.. bytes[..100], .. Enumerable.Repeat((byte)0xff, bytes.Length - 100)],
            "text" => "hello\n"u8.ToArray(),
            _ => new byte[bytes.Length],
        });
        var damaged = await File.ReadAllBytesAsync(Database);

        store = await OpenAsync("sqlite");
        await store.WriteAsync([Records.At(300)], default);

        Assert.Equal([Records.At(300)], await AllAsync(store));
        var aside = Assert.Single(Directory.GetFiles(Folder, "ollama_analytics.db.damaged-*"));
        Assert.Equal(damaged, await File.ReadAllBytesAsync(aside));
        Assert.Null(_health.Problem);
    }

    [Fact]
    public async Task Damage_that_shows_while_it_runs_has_the_file_checked_and_moved_aside()
    {
        var store = await OpenAsync("sqlite");
        await store.WriteAsync([.. Enumerable.Range(0, 2_000).Select(second => Records.At(second) with { Response = new string('r', 1_000) })], default);
        store.Dispose();
        // Behind the first pages, which hold the schema and what an opening asks for.
        await using (var file = File.Open(Database, FileMode.Open))
        {
            for (var page = 40; page < file.Length / 4_096; page++)
            {
                file.Position = page * 4_096L;
                file.Write(new byte[500].AsSpan());
            }
        }

        store = await OpenAsync("sqlite");
        if (Directory.GetFiles(Folder, "*.damaged-*").Length == 0)
        {
            await Assert.ThrowsAsync<AnalyticsStoreException>(() => AllAsync(store));
        }

        Assert.True(await store.TendAsync(default));
        await store.WriteAsync([Records.At(1)], default);

        Assert.Equal([Records.At(1)], await AllAsync(store));
        Assert.Single(Directory.GetFiles(Folder, "ollama_analytics.db.damaged-*Z"));
    }

    [Theory]
    [InlineData("sqlite", "ollama_analytics.db", "a letter to my mother\nwithout an end")]
    [InlineData("jsonl", "requests-2026-11-01.jsonl.gz", "a letter to my mother\nwithout an end")]
    [InlineData("jsonl", "requests-2026-11-01.jsonl", "a letter to my mother\nwithout an end")]
    [InlineData("jsonl", "requests-2026-11-01.jsonl", "{\"letter\":1}\n{\"letter\":2}\n")]
    [InlineData("jsonl", "requests-2026-11-01.jsonl", "{\"letter\":1}")]
    public async Task A_file_that_is_none_of_ours_is_never_touched(string backend, string name, string text)
    {
        Directory.CreateDirectory(Folder);
        var path = Path.Combine(Folder, name);
        await File.WriteAllTextAsync(path, text);
        var mode = OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);

        var store = Create(backend);
        for (var tries = 0; tries < 3; tries++)
        {
            Assert.False(await store.TendAsync(default));
        }

        Assert.Contains(name, _health.Problem?.Text, StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllTextAsync(path));
        Assert.Equal(mode, OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path));
        Assert.Empty(Directory.GetFiles(Folder, "*.damaged-*"));
        File.Delete(path);
        Assert.True(await store.TendAsync(default));
        Assert.Null(_health.Problem);
    }

    [Theory]
    [InlineData("CREATE TABLE recipes (name TEXT)")]
    [InlineData("CREATE TABLE requests (url TEXT); PRAGMA user_version = 3")]
    [InlineData("CREATE TABLE requests (request_id TEXT)")]
    public async Task A_database_of_another_program_is_never_touched(string made)
    {
        Directory.CreateDirectory(Folder);
        Ask(made);
        var before = await File.ReadAllBytesAsync(Database);

        var store = Create("sqlite");

        Assert.False(await store.TendAsync(default));
        Assert.Contains("another program", _health.Problem?.Text, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(Database));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_store_that_another_holds_is_left_alone_and_used_once_it_is_free(string backend)
    {
        var first = await OpenAsync(backend);
        await first.WriteAsync([Records.At(1)], default);
        var second = Create(backend);

        Assert.False(await second.TendAsync(default));
        Assert.Contains("in use by another ollama-proxy", _health.Problem?.Text, StringComparison.Ordinal);
        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(() => second.WriteAsync([Records.At(2)], default));
        Assert.Equal(_health.Problem?.Text, exception.Message);
        first.Dispose();

        Assert.True(await second.TendAsync(default));
        await second.WriteAsync([Records.At(2)], default);
        Assert.Equal([Records.At(2), Records.At(1)], await AllAsync(second));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_read_only_folder_with_the_lock_of_an_earlier_run_is_not_said_to_be_in_use(string backend)
    {
        using var disk = SmallDisk.TryMount(_folder.FullName, "8m");
        Assert.SkipWhen(disk is null, SmallDisk.Reason);
        var first = await OpenAsync(backend);
        await first.WriteAsync([Records.At(1)], default);
        first.Dispose();
        disk.MakeReadOnly();

        Assert.False(await Create(backend).TendAsync(default));

        Assert.Contains("Read-only file system", _health.Problem?.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("in use", _health.Problem?.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_is_no_damage_and_the_store_opens_once_there_is_room()
    {
        using var disk = SmallDisk.TryMount(_folder.FullName, "8m");
        Assert.SkipWhen(disk is null, SmallDisk.Reason);
        disk.Fill();
        var store = Create("sqlite");

        Assert.False(await store.TendAsync(default));
        Assert.Contains("full", _health.Problem?.Text, StringComparison.Ordinal);
        disk.Clear();
        Assert.True(await store.TendAsync(default));
        await store.WriteAsync([Records.At(1)], default);

        Assert.Equal([Records.At(1)], await AllAsync(store));
        Assert.Empty(Directory.GetFiles(Folder, "*.damaged-*"));
    }

    [Fact]
    public async Task A_damaged_day_of_lines_is_moved_aside_and_the_other_days_stay()
    {
        var store = await OpenAsync("jsonl");
        await store.WriteAsync([.. Enumerable.Range(0, 500).Select(Records.At)], default);
        await store.WriteAsync([Records.At(86_400), Records.At(2 * 86_400)], default);
        await ((Infrastructure.Analytics.Jsonl.JsonlAnalyticsStore)store.Current).Compressing;
        var bytes = await File.ReadAllBytesAsync(Day + ".gz");
        Array.Fill(bytes, (byte)0xff, bytes.Length / 2, bytes.Length / 4);
        await File.WriteAllBytesAsync(Day + ".gz", bytes);

        await Assert.ThrowsAsync<AnalyticsStoreException>(() => AllAsync(store));
        Assert.True(await store.TendAsync(default));

        Assert.Equal([Records.At(2 * 86_400), Records.At(86_400)], await AllAsync(store));
        Assert.Single(Directory.GetFiles(Folder, "requests-2026-11-01.jsonl.gz.damaged-*"));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task Files_that_others_could_read_are_taken_from_them(string backend)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such modes; the folder's own access list holds.");
        var store = await OpenAsync(backend);
        await store.WriteAsync([Records.At(1)], default);
        store.Dispose();
#pragma warning disable CA1416 // Skipped on Windows.
        Array.ForEach(Directory.GetFiles(Folder), file => File.SetUnixFileMode(file, (UnixFileMode)0b110_110_110));

        store = await OpenAsync(backend);
        await store.WriteAsync([Records.At(2)], default);

        Assert.All(Directory.GetFiles(Folder), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
#pragma warning restore CA1416
    }

    [Fact]
    public async Task Records_that_wait_are_bounded_in_number_and_in_text_and_what_is_lost_is_counted()
    {
        using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var metrics = ActivatorUtilities.CreateInstance<ProxyMetrics>(provider, new MetricsOptions(), new ModelNames());
        RecordBatch many = new(Create("sqlite"), metrics, TimeProvider.System, NullLogger<RecordBatch>.Instance);
        RecordBatch large = new(Create("jsonl"), metrics, TimeProvider.System, NullLogger<RecordBatch>.Instance);
        var text = new string('x', 1 << 20);

        for (var number = 0; number < RecordBatch.Capacity + 5; number++)
        {
            many.Add(Records.At(number));
            large.Add(Records.At(number) with { Prompt = text });
        }

        Assert.False(await many.WriteAsync(default));
        Assert.Equal((RecordBatch.Capacity, (int)(RecordBatch.TextCapacity >> 20)), (many.Count, large.Count));
        Assert.Equal((RecordBatch.Capacity, RecordBatch.Capacity, 0), (many.Abandon(), many.Lost, many.Count));
    }

    private ReopeningStore Create(string backend)
    {
        var options = new AnalyticsOptions { Backend = backend, Directory = Folder, MovesDamagedAside = true };
        var store = new ReopeningStore(
            options, suspicion => AnalyticsBackends.Create(new Services(options), suspicion), _health, NullLogger<ReopeningStore>.Instance);
        _opened.Add(store);
        return store;
    }

    private async Task<ReopeningStore> OpenAsync(string backend)
    {
        var store = Create(backend);
        await store.OpenAsync(default);
        return store;
    }

    private void Remove(string files)
    {
        if (files.Length == 0)
        {
            Directory.Delete(Folder, recursive: true);
            return;
        }

        Array.ForEach(Directory.GetFiles(Folder, files), File.Delete);
    }

    private static async Task<List<RequestRecord>> AllAsync(ReopeningStore store) =>
        [.. (await store.ReadAsync(RequestFilter.Everything, default).ToListAsync()).Select(record => record with { Id = 0 })];

    private object? Ask(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Texts of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteScalar();
    }

    /// <summary>What a backend may ask for.</summary>
    private sealed class Services(AnalyticsOptions options) : IServiceProvider
    {
        public object? GetService(Type serviceType) =>
            serviceType == typeof(AnalyticsOptions) ? options : serviceType == typeof(TimeProvider) ? TimeProvider.System : null;
    }
}
