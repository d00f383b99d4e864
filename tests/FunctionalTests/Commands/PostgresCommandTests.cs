using OllamaProxy.TestKit;
using OllamaProxy.Tests;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary>Commands on a PostgreSQL store, with a real server.</summary>
public sealed class PostgresCommandTests : PostgresTest
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_file_store_is_imported_into_the_database_once(string backend)
    {
        var original = Path.Combine(Folder.FullName, "original.db");
        OriginalFile.Write(original, [.. Enumerable.Range(1, 1_200).Select(minutes => TimeSpan.FromMinutes(minutes))]);
        var files = Path.Combine(Folder.FullName, "store");
        var (code, output) = await ProxyProcess.RunAsync(
            new Dictionary<string, string?> { ["ANALYTICS_BACKEND"] = backend, ["ANALYTICS_DIR"] = files }, ["import", original]);
        Assert.Equal((0, true), (code, output.Contains("1,200 records were imported", StringComparison.Ordinal)));

        (code, output) = await RunAsync("import", files);
        Assert.Equal((0, true), (code, output.Contains("1,200 records were imported into postgres://", StringComparison.Ordinal)));
        (code, output) = await RunAsync("import", files);
        Assert.Equal(0, code);
        Assert.Contains("0 records were imported", output, StringComparison.Ordinal);
        Assert.Contains("1,200 records were already there", output, StringComparison.Ordinal);

        (code, output) = await RunAsync("export", "--format", "csv");
        Assert.Equal((0, 1_201), (code, output.TrimEnd().Split('\n').Length));
        (code, output) = await RunAsync("stats", "--hours", "168");
        Assert.Equal((0, true), (code, output.Contains("1,200 records in postgres", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_doctor_checks_the_database_and_no_output_shows_its_login()
    {
        Url += ";Password=not-to-be-shown";

        var (_, output) = await RunAsync("doctor");
        Assert.Contains("answers (PostgreSQL 1", output, StringComparison.Ordinal);
        Assert.Contains("the first start creates its tables", output, StringComparison.Ordinal);
        Assert.DoesNotContain("not-to-be-shown", output, StringComparison.Ordinal);

        (_, output) = await RunAsync("config");
        Assert.Contains("ANALYTICS_DATABASE_URL", output, StringComparison.Ordinal);
        Assert.DoesNotContain("not-to-be-shown", output, StringComparison.Ordinal);

        await Server.StopAsync();
        (var code, output) = await RunAsync("doctor");
        Assert.Equal(1, code);
        Assert.Contains("does not answer", output, StringComparison.Ordinal);
        (code, output) = await RunAsync("stats");
        Assert.Equal(1, code);
        Assert.Contains("Start the server, or correct ANALYTICS_DATABASE_URL", output, StringComparison.Ordinal);
        Assert.DoesNotContain("not-to-be-shown", output, StringComparison.Ordinal);
    }

    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) => ProxyProcess.RunAsync(
        new Dictionary<string, string?>
        {
            ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9",
            ["ANALYTICS_BACKEND"] = "postgres",
            ["ANALYTICS_DATABASE_URL"] = Url,
            ["ANALYTICS_DIR"] = Path.Combine(Folder.FullName, "spool"),
            ["PROXY_PORT"] = "0",
        },
        arguments);
}
