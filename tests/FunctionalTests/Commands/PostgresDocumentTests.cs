using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Npgsql;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;
using OllamaProxy.Tests;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary>docs/postgres.md, followed step by step: its SQL, its settings and its commands run as they are written, only in other places.</summary>
public sealed partial class PostgresDocumentTests : PostgresTest
{
    private static readonly string s_document = File.ReadAllText(Repository.PathOf("docs", "postgres.md"));

    [Fact]
    public async Task A_proxy_moves_from_SQLite_to_PostgreSQL_by_the_document_and_loses_no_record()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        var records = await CreateDatabaseAsync();
        string[] commands = [.. Command().Matches(Section("Moving from SQLite or JSON lines")).Select(match => match.Groups[1].Value)];
        Assert.Equal(["doctor", "import", "stats", "export"], commands.Select(command => command.Split(' ')[1]));
        Dictionary<string, string?> variables = new(StringComparer.Ordinal)
        {
            ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(),
            ["ANALYTICS_BACKEND"] = "sqlite",
            ["ANALYTICS_DIR"] = Folder.FullName,
        };
        await using (var before = await ProxyProcess.StartAsync(variables))
        {
            await SendAsync(before.Address, 20);
            await before.SignalAsync("TERM");
            Assert.Equal(0, await before.ExitAsync());
        }

        variables["ANALYTICS_DATABASE_URL"] = Url;
        Assert.Contains("answers (PostgreSQL", (await RunAsync(commands[0], variables)).Output, StringComparison.Ordinal);

        variables["ANALYTICS_BACKEND"] = "postgres";
        await using var after = await ProxyProcess.StartAsync(variables);
        await SendAsync(after.Address, 5);
        await Eventually.TrueAsync(async () => await TotalAsync(after.Address) == 5);
        var (code, output) = await RunAsync(commands[1], variables);
        Assert.Equal((0, true), (code, output.Contains("20 records were imported into postgres://", StringComparison.Ordinal)));
        (code, output) = await RunAsync(commands[2], variables);
        Assert.Equal((0, true), (code, output.Contains("25 records in postgres", StringComparison.Ordinal)));

        foreach (var file in Folder.GetFiles("ollama_analytics.db*"))
        {
            file.Delete();
        }

        Assert.DoesNotContain(Folder.GetFileSystemInfos(), static entry => entry.Name != "spool");
        (code, output) = await RunAsync(commands[3], variables);
        var ids = JsonElement.Parse(output).EnumerateArray().Select(record => record.GetProperty("request_id").GetString());
        Assert.Equal((0, 25), (code, ids.Distinct().Count()));
        var user = new NpgsqlConnectionStringBuilder(records) { Username = "proxy" }.ConnectionString;
        Assert.Equal("tiny:latest", await PostgresServer.RunSqlAsync(user, Assert.Single(Sql(Section("Tables")))));
    }

    /// <summary>Runs the SQL of the document, and sets the URL of its user; returns how an administrator connects.</summary>
    private async Task<string> CreateDatabaseAsync()
    {
        string[] statements = [.. Sql(Section("What the database needs"))];
        var records = new NpgsqlConnectionStringBuilder(Url) { Database = "records" }.ConnectionString;
        foreach (var statement in statements[..2])
        {
            await PostgresServer.RunSqlAsync(Url, statement);
        }

        foreach (var statement in statements[2..])
        {
            await PostgresServer.RunSqlAsync(records, statement);
        }

        // The document's own URL of a Unix socket, for the same user and the same database as its first one.
        var first = new Uri(Setting().Match(s_document).Groups[1].Value);
        Assert.Equal(("proxy", "/records"), (first.UserInfo.Split(':')[0], first.AbsolutePath));
        Url = SocketUrl().Match(s_document).Groups[1].Value.Replace("/run/postgresql", Server.Folder, StringComparison.Ordinal);
        return records;
    }

    private static string Section(string title) =>
        Regex.Match(s_document, $@"(?<=^## {title}\n).*?(?=^## |\z)", RegexOptions.Multiline | RegexOptions.Singleline).Value;

    /// <summary>Statements, one a line.</summary>
    private static IEnumerable<string> Sql(string section) =>
        SqlBlock().Matches(section).SelectMany(block => block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries));

    private Task<(int ExitCode, string Output)> RunAsync(string command, Dictionary<string, string?> variables) =>
        ProxyProcess.RunAsync(variables, command.Replace("/var/lib/ollama-proxy", Folder.FullName, StringComparison.Ordinal).Split(' ')[1..]);

    private static async Task SendAsync(Uri proxy, int count)
    {
        using var client = new HttpClient { BaseAddress = proxy };
        for (var sent = 0; sent < count; sent++)
        {
            using var answer = await client.PostAsJsonAsync("/api/generate", new { model = "tiny", prompt = "Why?" });
            await answer.Content.ReadAsByteArrayAsync();
        }
    }

    private static async Task<long> TotalAsync(Uri proxy)
    {
        using var client = new HttpClient { BaseAddress = proxy };
        return (await client.GetFromJsonAsync<JsonElement>("/analytics/stats?groups=none")).GetProperty("total_records").GetInt64();
    }

    [GeneratedRegex("(?m)(?:^ *|`)(ollama-proxy [a-z][^`\n]*)")]
    private static partial Regex Command();

    [GeneratedRegex("(?m)^ANALYTICS_DATABASE_URL=(.+)$")]
    private static partial Regex Setting();

    [GeneratedRegex("`(postgres:///[^`]+)`")]
    private static partial Regex SocketUrl();

    [GeneratedRegex("^```sql\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex SqlBlock();
}
