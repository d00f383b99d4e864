using System.Text;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The simulated Ollama loads and unloads models as the real scheduler does.</summary>
public sealed class SimulatedOllamaLoadTests : IAsyncLifetime
{
    private static readonly TimeSpan s_loadTime = TimeSpan.FromMilliseconds(400);

    /// <summary>Separates responses with a load from those without.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(300);

    private SimulatedOllamaServer _server = null!;
    private HttpClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions
        {
            Models = [.. SimulatedModel.Small.Select(model => model with { LoadTime = s_loadTime })],
            MaxLoadedModels = 2,
        });
        _client = new HttpClient { BaseAddress = _server.Address };
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_model_is_loaded_once_and_again_for_another_context_length()
    {
        Assert.True(await LoadOfAsync("tiny") >= s_limit);
        Assert.True(await LoadOfAsync("tiny") < s_limit);
        Assert.Equal(["tiny:latest 4096"], await LoadedAsync());

        Assert.True(await LoadOfAsync("tiny", ""","options":{"num_ctx":8192}""") >= s_limit);
        Assert.True(await LoadOfAsync("tiny") < s_limit);
        Assert.Equal(["tiny:latest 8192"], await LoadedAsync());
    }

    [Fact]
    public async Task One_model_too_many_evicts_the_least_recently_used()
    {
        foreach (var model in (string[])["tiny", "slow", "tiny", "tiny-jinja"])
        {
            await LoadOfAsync(model);
        }

        Assert.Equal(["tiny-jinja:latest 4096", "tiny:latest 4096"], await LoadedAsync());
        Assert.True(await LoadOfAsync("slow") >= s_limit);
    }

    [Fact]
    public async Task A_model_is_unloaded_when_its_keep_alive_ends()
    {
        await LoadOfAsync("tiny", ""","keep_alive":0.2""");

        await Eventually.TrueAsync(async () => (await LoadedAsync()).Length == 0);

        Assert.True(await LoadOfAsync("tiny") >= s_limit);
    }

    [Fact]
    public async Task Requests_for_one_model_wait_for_one_load()
    {
        var loads = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => LoadOfAsync("tiny")));

        Assert.All(loads, load => Assert.InRange(load, s_loadTime / 4, s_loadTime * 1.9));
    }

    private async Task<TimeSpan> LoadOfAsync(string model, string more = "")
    {
        using var content = new StringContent($$"""{"model":"{{model}}","prompt":"Say it","stream":false{{more}}}""", Encoding.UTF8);
        using var answer = await _client.PostAsync(new Uri("/api/generate", UriKind.Relative), content);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        return TimeSpan.FromMicroseconds(json.RootElement.GetProperty("load_duration").GetInt64() / 1_000.0);
    }

    private async Task<string[]> LoadedAsync()
    {
        using var json = JsonDocument.Parse(await _client.GetStringAsync(new Uri("/api/ps", UriKind.Relative)));
        return [.. json.RootElement.GetProperty("models").EnumerateArray().Select(
            model => $"{model.GetProperty("name")} {model.GetProperty("context_length")}").Order(StringComparer.Ordinal)];
    }
}
