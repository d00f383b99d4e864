using System.Net.Http.Json;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary><c>stats</c>, <c>export</c> and <c>purge</c>, of a proxy that runs and of the folder one left.</summary>
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

        await Eventually.TrueAsync(async () => (await _client.GetStringAsync(new Uri(_proxy.Address, "/analytics/stats?inference=all"))).Contains("\"total_records\":3", StringComparison.Ordinal));
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
    public async Task Statistics_are_a_table_and_the_apis_own_numbers(bool running)
    {
        var numbers = await ApiAsync("/analytics/stats");
        await StopUnlessAsync(running);

        var (code, table) = await RunAsync("stats");
        var (_, json) = await RunAsync("stats", "--json", "--model", "tiny");
        var (_, some) = await RunAsync("stats", "--groups", "model");
        var (_, none) = await RunAsync("stats", "--groups", "none");

        Assert.Equal(0, code);
        Assert.Matches(@"(?m)^3 requests .*, 1 clients, 2 models \(", table);
        Assert.Matches(@"(?m)^3 requests .*, 2 models \((?s:.)*^tiny:latest +2 ", some);
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
    public async Task An_export_is_the_apis_and_its_file_the_owners(bool running, string format)
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
    public async Task A_purge_says_how_many_and_removes_only_those(bool running)
    {
        await StopUnlessAsync(running);

        var (code, output) = await RunAsync("purge", "--model", "tiny");
        Assert.Equal(1, code);
        Assert.Contains("2 records match", output, StringComparison.Ordinal);

        (code, output) = await RunAsync("purge", "--model", "tiny", "--yes");
        Assert.Equal((0, "2 records were removed."), (code, output.Trim()));

        (_, output) = await RunAsync("export", "--format", "jsonl");
        Assert.Contains("tiny-embed", Assert.Single(output.TrimEnd().Split('\n')), StringComparison.Ordinal);

        (code, output) = await RunAsync("purge", "--older-than", "1d", "--yes");
        Assert.Equal((0, "0 records were removed."), (code, output.Trim()));

        (code, output) = await RunAsync("purge", "--all", "--yes");
        Assert.Equal((0, "1 records were removed."), (code, output.Trim()));
    }

    [Fact]
    public async Task A_purge_of_everything_has_to_be_said()
    {
        var (code, output) = await RunAsync("purge", "--yes");

        Assert.Equal(1, code);
        Assert.Contains("--all", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stats", "--start-time", "yesterday")]
    [InlineData("export", "--min-latency", "long")]
    [InlineData("purge", "--older-than", "soon")]
    public async Task A_wrong_option_is_named(string verb, string option, string value)
    {
        var (code, output) = await RunAsync(verb, option, value, "--yes"[..(verb == "purge" ? 5 : 0)]);

        Assert.NotEqual(0, code);
        Assert.Contains(option, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_told_in_words()
    {
        var (code, output) = await RunAsync("export", Path.Combine(_folder.FullName, "nowhere", "x.csv"));

        Assert.Equal(1, code);
        Assert.Contains("nowhere", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_proxy_and_without_records_it_says_where_it_looked()
    {
        var (code, output) = await ProxyProcess.RunAsync(
            new Dictionary<string, string?>(StringComparer.Ordinal) { ["ANALYTICS_BACKEND"] = "sqlite", ["ANALYTICS_DIR"] = Path.Combine(_folder.FullName, "nothing") }, "stats");

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

    /// <summary>With the port of the proxy, whether it still has it or not.</summary>
    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        ProxyProcess.RunAsync(Variables(), [.. arguments.Where(argument => argument.Length > 0), "--proxy-port", $"{_proxy!.Address.Port}"]);
}
