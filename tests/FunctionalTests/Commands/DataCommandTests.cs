using System.Net.Http.Json;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary><c>stats</c>, <c>export</c> and <c>purge</c>, on a running proxy and on the folder of a stopped one.</summary>
public sealed class DataCommandTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-data-");
    private readonly HttpClient _client = new();
    private SimulatedOllamaServer? _ollama;
    private ProxyProcess? _proxy;

    public async ValueTask InitializeAsync()
    {
        _ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        _proxy = await ProxyProcess.StartAsync(Variables());
        foreach (var (model, prompt) in ((string, string)[])[("tiny", "Why is the sky blue?"), ("tiny", "List colours"), ("tiny-embed", "no chat model")])
        {
            using var answer = await _client.PostAsJsonAsync(new Uri(_proxy.Address, "/api/generate"), new { model, prompt, stream = false });
            await answer.Content.ReadAsStringAsync();
        }

        await Eventually.TrueAsync(async () => (await _client.GetStringAsync(new Uri(_proxy.Address, "/analytics/stats?inference=all"))).Contains(
            "\"total_records\":3", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _proxy!.DisposeAsync();
        await _ollama!.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Statistics_are_a_table_with_the_numbers_of_the_API(bool running)
    {
        var numbers = await ApiAsync("/analytics/stats");
        await StopUnlessAsync(running);

        var (code, table) = await RunAsync("stats");
        var (_, json) = await RunAsync("stats", "--json", "--model", "tiny");
        var (_, some) = await RunAsync("stats", "--by", "model");
        var (_, category) = await RunAsync("stats", "--groups", "category");
        var (_, proxy) = await RunAsync("stats", "--by", "proxy");
        var (_, none) = await RunAsync("stats", "--groups", "none");

        Assert.Equal(0, code);
        Assert.Matches(@"(?m)^3 requests .*, 1 client, 2 models \(", table);
        Assert.Matches(@"(?m)^3 requests .*, 2 models \((?s:.)*^tiny:latest +2 ", some);
        Assert.Matches(@"(?m)^total +requests (?s:.)*^all requests +3 (?s:.)*^model +requests (?s:.)*^client +requests ", table);
        Assert.Matches("(?m)^category +requests ", category);
        Assert.Matches(@"(?m)^proxy +requests (?s:.)*^\S+ +3 ", proxy);
        Assert.DoesNotMatch("(?m)^(proxy|backend) +requests ", table);
        Assert.DoesNotContain("client", some, StringComparison.Ordinal);
        Assert.DoesNotContain("model", none, StringComparison.Ordinal);
        Assert.Contains("3 requests", table, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^tiny:latest +2 ", table);
        using var parsed = JsonDocument.Parse(json);
        var models = JsonDocument.Parse(numbers).RootElement.GetProperty("models").EnumerateArray();
        Assert.Equal(
            models.First(model => model.GetProperty("name").GetString() == "tiny:latest").GetProperty("numbers").GetProperty("output_tokens").GetInt64(),
            parsed.RootElement.GetProperty("total").GetProperty("output_tokens").GetInt64());
    }

    [Theory]
    [InlineData(true, "csv")]
    [InlineData(true, "json")]
    [InlineData(false, "jsonl")]
    public async Task An_export_equals_that_of_the_API_and_only_the_owner_can_read_its_file(bool running, string format)
    {
        var expected = await ApiAsync($"/analytics/export?format={format}&model=tiny");
        await StopUnlessAsync(running);
        var file = Path.Combine(_folder.FullName, $"out.{format}");

        var (code, output) = await RunAsync("export", file, "--model", "tiny");

        Assert.Equal((0, expected), (code, await File.ReadAllTextAsync(file)));
        Assert.Contains(file, output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.FullName, "*.part"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }

        (_, output) = await RunAsync("export", "--format", format, "--model", "tiny");
        Assert.Equal(expected.ReplaceLineEndings("\n").TrimEnd(), output.ReplaceLineEndings("\n").TrimEnd());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_purge_reports_a_count_and_removes_only_the_matching_records(bool running)
    {
        await StopUnlessAsync(running);

        var (code, output) = await RunAsync("purge", "--model", "tiny");
        Assert.Equal(1, code);
        Assert.Contains("2 records match", output, StringComparison.Ordinal);

        (code, output) = await RunAsync("purge", "--model", "tiny", "--yes");
        Assert.Equal((0, "2 records were deleted."), (code, output.Trim()));

        (_, output) = await RunAsync("export", "--format", "jsonl");
        Assert.Contains("tiny-embed", Assert.Single(output.TrimEnd().Split('\n')), StringComparison.Ordinal);

        (code, output) = await RunAsync("purge", "--older-than", "1d", "--yes");
        Assert.Equal((0, "0 records were deleted."), (code, output.Trim()));

        (code, output) = await RunAsync("purge", "--all", "--yes");
        Assert.Equal((0, "1 record was deleted."), (code, output.Trim()));
    }

    [Fact]
    public async Task A_purge_of_everything_needs_an_explicit_option()
    {
        foreach (string[] arguments in (string[][])[["purge", "--yes"], ["purge"], ["purge", "--all", "--model", "tiny"]])
        {
            var (code, output) = await RunAsync(arguments);

            Assert.Equal(2, code);
            Assert.Contains("--all", output, StringComparison.Ordinal);
            Assert.DoesNotContain("match", output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("stats", "--start-time", "yesterday")]
    [InlineData("stats", "--hours", "abc")]
    [InlineData("export", "--min-latency", "long")]
    [InlineData("export", "--limit", "-3")]
    [InlineData("export", "--format", "xml")]
    [InlineData("export", "--outcome", "nonsense")]
    [InlineData("purge", "--older-than", "soon")]
    [InlineData("purge", "--older-than", "3x")]
    public async Task An_invalid_option_is_named_once_and_gives_a_usage_error(string verb, string option, string value)
    {
        var (code, output) = await RunAsync(verb, option, value, "--yes"[..(verb == "purge" ? 5 : 0)]);

        Assert.Equal(2, code);
        Assert.Single(output.Split('\n'), line => line.Contains($"{option} must be ", StringComparison.Ordinal));
        Assert.Contains($"Try 'ollama-proxy {verb} --help'.", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mutually_exclusive_options_give_a_usage_error()
    {
        var (code, output) = await RunAsync("stats", "--hours", "1", "--start-time", "2026-11-01T00:00:00Z");

        Assert.Equal(2, code);
        Assert.Single(output.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("--hors", "24", "Did you mean '--hours'?")]
    [InlineData("--stpe", "1h", "'--stpe' is not an option of stats.")]
    [InlineData("--category", "code_wirte", "Did you mean 'code_write'?")]
    [InlineData("--proxy-prot", "1", "Did you mean '--proxy-port'?")]
    public async Task A_misspelled_option_or_value_gets_a_suggestion(string option, string value, string hint)
    {
        var (code, output) = await RunAsync("stats", option, value);

        Assert.Equal(2, code);
        Assert.Contains(hint, output, StringComparison.Ordinal);
        Assert.Contains("Try 'ollama-proxy stats --help'.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_help_of_a_command_lists_the_values_of_its_options()
    {
        var (code, help) = await RunAsync("stats", "--help");

        Assert.Equal(0, code);
        Assert.All(["code_write", "client_cancelled", "embeddings", "success|error|cancelled"],
            value => Assert.Contains(value, help, StringComparison.Ordinal));
        Assert.All(help.Split('\n'), line => Assert.True(line.Length <= 125, line));
    }

    [Theory]
    [InlineData("x.parquet")]
    [InlineData("x.csv.gz")]
    public async Task An_export_in_an_unknown_format_is_refused(string name)
    {
        var file = Path.Combine(_folder.FullName, name);

        var (code, output) = await RunAsync("export", file);
        Assert.Equal(2, code);
        Assert.Contains("--format", output, StringComparison.Ordinal);
        Assert.False(File.Exists(file));

        (code, _) = await RunAsync("export", file, "--format", "jsonl");
        Assert.Equal((0, 3), (code, (await File.ReadAllLinesAsync(file)).Length));
    }

    [Fact]
    public async Task An_unwritable_file_gives_an_error_without_a_stack_trace()
    {
        var (code, output) = await RunAsync("export", Path.Combine(_folder.FullName, "nowhere", "x.csv"));

        Assert.Equal(1, code);
        Assert.Contains("nowhere", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_proxy_and_records_the_error_names_the_places_it_checked()
    {
        var (code, output) = await ProxyProcess.RunAsync(
            new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["ANALYTICS_BACKEND"] = "sqlite",
                ["ANALYTICS_DIR"] = Path.Combine(_folder.FullName, "nothing"),
            }, "stats");

        Assert.Equal(1, code);
        Assert.Contains(Path.Combine(_folder.FullName, "nothing"), output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder.FullName, "nothing")));
    }

    private Dictionary<string, string?> Variables() => new(StringComparer.Ordinal)
    {
        ["OLLAMA_BACKEND_URL"] = _ollama!.Address.ToString(),
        ["OLLAMA_POLL_SECONDS"] = "0",
        ["ANALYTICS_BACKEND"] = "sqlite",
        ["ANALYTICS_DIR"] = Path.Combine(_folder.FullName, "store"),
    };

    private async Task StopUnlessAsync(bool running)
    {
        if (!running)
        {
            await _proxy!.SignalAsync("TERM");
            await _proxy.ExitAsync();
        }
    }

    private Task<string> ApiAsync(string path) => _client.GetStringAsync(new Uri(_proxy!.Address, path));

    /// <summary>Runs a command with the port of the proxy, whether it still runs or not.</summary>
    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        ProxyProcess.RunAsync(Variables(), [.. arguments.Where(argument => argument.Length > 0), "--proxy-port", $"{_proxy!.Address.Port}"]);
}
