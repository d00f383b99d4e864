using Microsoft.Data.Sqlite;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Commands;

public sealed class ImportCommandTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-import-");

    private string Original => Path.Combine(_folder.FullName, "original.db");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task The_originals_records_are_imported_once(string backend)
    {
        OriginalFile.Write(Original, [.. Enumerable.Range(1, 1_200).Select(minutes => TimeSpan.FromMinutes(minutes))]);

        var (code, output) = await RunAsync(backend, "import", Original);
        Assert.Equal((0, true), (code, output.Contains("1,200 records were imported", StringComparison.Ordinal)));

        OriginalFile.Execute(Open(),
            "INSERT INTO interactions SELECT 5000, timestamp, model, endpoint, prompt, prompt_category, response_preview, duration_seconds, tokens_generated, "
            + "tokens_per_second, prompt_tokens, load_duration, total_duration, status_code, error_message, user_agent, client_ip, user, cost, status, "
            + "queue_time, time_to_first_token, metadata FROM interactions LIMIT 1");
        (code, output) = await RunAsync(backend, "import", Original);
        Assert.Equal(0, code);
        Assert.Contains("1 record was imported", output, StringComparison.Ordinal);
        Assert.Contains("1,200 records were already there", output, StringComparison.Ordinal);

        (code, output) = await RunAsync(backend, "export", "--model", "phi4", "--format", "csv");
        Assert.Equal((0, 1_202), (code, output.TrimEnd().Split('\n').Length));
        Assert.Contains("Why is the sky blue?", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_older_than_the_retention_are_skipped_and_counted()
    {
        OriginalFile.Write(Original, TimeSpan.FromDays(1), TimeSpan.FromDays(8), TimeSpan.FromDays(400));

        var (code, output) = await RunAsync("sqlite", "import", Original);
        Assert.Equal(0, code);
        Assert.Contains("1 record was imported", output, StringComparison.Ordinal);
        Assert.Contains("2 records older than 7 days skipped", output, StringComparison.Ordinal);

        (_, output) = await RunAsync("sqlite", "import", Original, "--analytics-retention-days", "0");
        Assert.Contains("2 records were imported", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_without_a_valid_timestamp_are_reported()
    {
        OriginalFile.Write(Original, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2));
        OriginalFile.Execute(Open(), "UPDATE interactions SET timestamp = 'yesterday' WHERE id = 1");

        var (code, output) = await RunAsync("sqlite", "import", Original);

        Assert.Equal(1, code);
        Assert.Contains("1 record was imported", output, StringComparison.Ordinal);
        Assert.Contains("1 row skipped: the time cannot be read", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_the_originals_database_is_refused_with_the_reason()
    {
        await File.WriteAllTextAsync(Original, "no database at all, only some text that is long enough to be read as a header of one");
        var (code, output) = await RunAsync("sqlite", "import", Original);
        Assert.Equal((1, true), (code, output.Contains("cannot be read", StringComparison.Ordinal)));

        var other = Path.Combine(_folder.FullName, "other.db");
        await using (var connection = new SqliteConnection($"Data Source={other};Pooling=False"))
        {
            connection.Open();
            OriginalFile.Execute(connection, "CREATE TABLE things (id)");
        }

        (code, output) = await RunAsync("sqlite", "import", other);
        Assert.Equal((1, true), (code, output.Contains("no table interactions", StringComparison.Ordinal)));

        (code, output) = await RunAsync("sqlite", "import", Path.Combine(_folder.FullName, "nothing.db"));
        Assert.Equal((1, true), (code, output.Contains("does not exist", StringComparison.Ordinal)));
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_store_in_use_by_a_proxy_is_not_changed(string backend)
    {
        OriginalFile.Write(Original, TimeSpan.FromMinutes(1));
        await using var proxy = await ProxyProcess.StartAsync(Variables(backend));

        var (code, output) = await RunAsync(backend, "import", Original);

        Assert.Equal(1, code);
        Assert.Contains("stop the proxy, import, and start it again", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_originals_database_at_the_path_of_ours_is_renamed()
    {
        var store = Path.Combine(_folder.FullName, "store");
        Directory.CreateDirectory(store);
        OriginalFile.Write(Path.Combine(store, "ollama_analytics.db"), TimeSpan.FromMinutes(1));

        await using (var proxy = await ProxyProcess.StartAsync(Variables("sqlite")))
        {
            await Eventually.TrueAsync(() => proxy.Output.Contains("ollama_analytics.original.db", StringComparison.Ordinal));
        }

        var (code, output) = await RunAsync("sqlite", "import", Path.Combine(store, "ollama_analytics.original.db"));
        Assert.Equal((0, true), (code, output.Contains("1 record was imported", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_originals_database_at_the_path_of_ours_can_be_imported_and_only_an_import_renames_it()
    {
        var file = Path.Combine(_folder.FullName, "store", "ollama_analytics.db");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        OriginalFile.Write(file, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2));

        var (code, output) = await RunAsync("sqlite", "stats");
        Assert.Equal((1, true), (code, output.Contains($"ollama-proxy import {file}", StringComparison.Ordinal)));

        (code, output) = await RunAsync("sqlite", "import", file);
        Assert.Equal((0, true), (code, output.Contains("2 records were imported", StringComparison.Ordinal)));
        Assert.Contains("ollama_analytics.original.db", output, StringComparison.Ordinal);

        (code, output) = await RunAsync("sqlite", "import", Path.Combine(_folder.FullName, "store", "ollama_analytics.original.db"));
        Assert.Equal((0, true), (code, output.Contains("2 records were already there", StringComparison.Ordinal)));
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection($"Data Source={Original};Pooling=False");
        connection.Open();
        return connection;
    }

    private Dictionary<string, string?> Variables(string backend) => new(StringComparer.Ordinal)
    {
        ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9",
        ["ANALYTICS_BACKEND"] = backend,
        ["ANALYTICS_DIR"] = Path.Combine(_folder.FullName, "store"),
    };

    private Task<(int ExitCode, string Output)> RunAsync(string backend, params string[] arguments) => ProxyProcess.RunAsync(Variables(backend), arguments);
}
