using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Supervision;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The state of Ollama's loaded models in the program, through the real endpoints.</summary>
public sealed class ModelLoadTests
{
    private static readonly SimulatedOllamaOptions s_options = new()
    {
        Models = [.. SimulatedModel.Small.Select(model => model with { LoadTime = TimeSpan.FromMilliseconds(600) })],
        MaxLoadedModels = 1,
    };

    private static readonly Dictionary<string, string> s_polling = new() { ["OLLAMA_POLL_SECONDS"] = "1" };

    [Fact]
    public async Task Every_cause_of_a_load_is_counted_and_stored()
    {
        var ollama = await SimulatedOllamaServer.StartAsync(s_options);
        try
        {
            await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, s_polling);
            await AskAsync(proxy, "tiny");
            await AskAsync(proxy, "tiny");
            await AskAsync(proxy, "tiny", ""","options":{"num_ctx":8192}""");
            await AskAsync(proxy, "slow");
            await AskAsync(proxy, "tiny", ""","keep_alive":0.2""");
            await Eventually.TrueAsync(async () => await proxy.Client.GetStringAsync("/api/ps") == """{"models":[]}""");
            await AskAsync(proxy, "tiny");

            await ollama.DisposeAsync();
            Assert.Equal(HttpStatusCode.BadGateway, await AskAsync(proxy, "tiny", expected: HttpStatusCode.BadGateway));
            ollama = await SimulatedOllamaServer.StartAsync(s_options with { Port = ollama.Address.Port });
            await AskAsync(proxy, "tiny");

            var causes = await Eventually.GetAsync(async () => await CausesAsync(proxy) is { Length: 8 } found ? found : null);
            Assert.Equal(["cold", null, "params_changed", "cold", "evicted", "expired", null, "restart"], causes);
            var metrics = await proxy.Client.GetStringAsync("/metrics");
            foreach (var cause in (string[])["cold", "params_changed", "evicted", "expired", "restart"])
            {
                Assert.Contains($$"""ollama_model_loads_total{cause="{{cause}}",model="tiny:latest"} 1""" + "\n", metrics, StringComparison.Ordinal);
                Assert.Contains($$"""ollama_model_load_seconds_bucket{cause="{{cause}}",model="tiny:latest",le="0.5"} 0""" + "\n", metrics,
                    StringComparison.Ordinal);
                Assert.Contains($$"""ollama_model_load_seconds_count{cause="{{cause}}",model="tiny:latest"} 1""" + "\n", metrics, StringComparison.Ordinal);
            }
        }
        finally
        {
            await ollama.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_loaded_model_is_reported_soon_after_its_load_and_until_its_unload()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(s_options);
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, new Dictionary<string, string> { ["OLLAMA_POLL_SECONDS"] = "3600" });
        var watch = proxy.Services.GetRequiredService<OllamaWatch>();
        await Eventually.TrueAsync(() => watch.Current.IsUp == true);
        Assert.Equal(("0.32.15", 4), (watch.Current.Version, watch.Current.InstalledCount));
        Assert.Empty(watch.Current.Loaded!);

        await AskAsync(proxy, "tiny", ""","options":{"num_ctx":8192},"keep_alive":-1""");
        await Eventually.TrueAsync(() => watch.Current.Find("tiny:latest") is { ContextLength: 8192, ExpiresAt: null });

        await AskAsync(proxy, "tiny", ""","keep_alive":0""", prompt: "");
        await Eventually.TrueAsync(() => watch.Current.Loaded is []);
        Assert.Equal(8_192, watch.ContextLengthOf("tiny:latest"));
    }

    [Theory]
    [InlineData("05-ps-before-load", null, null)]
    [InlineData("11-ps-after-load", "tiny:latest 16630414 0 2048 llama 2.53M F16", "2026-11-23T11:52:49.6240293+00:00")]
    [InlineData("16d-ps-keep-alive-negative", "tiny:latest 16630414 0 2048 llama 2.53M F16", null)]
    [InlineData("18b-ps-after-unload", null, null)]
    public async Task The_model_list_of_a_real_ollama_is_parsed(string recording, string? expected, string? expires)
    {
        await using var ollama = new RawUpstream(async (connection, request) =>
        {
            var path = Encoding.ASCII.GetString(request).Split(' ')[1];
            await connection.WriteAsync(Transcript.Load(path switch { "/api/ps" => recording, "/api/tags" => "04-tags", _ => "03-version" }).ResponseBytes);
            return true;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, s_polling);
        var watch = proxy.Services.GetRequiredService<OllamaWatch>();

        await Eventually.TrueAsync(() => watch.Current.IsUp == true);

        var snapshot = watch.Current;
        Assert.Equal("0.32.15", snapshot.Version);
        Assert.Equal(Transcript.Load("04-tags").Response.Body.AsSpan().Count("\"digest\""u8), snapshot.InstalledCount);
        Assert.True(snapshot.InstalledSize > 334_439_284);
        var model = Assert.IsAssignableFrom<IReadOnlyList<LoadedModel>>(snapshot.Loaded).SingleOrDefault();
        Assert.Equal(expected,
            model is null
            ? null
            : $"{model.Name} {model.Size} {model.VramSize} {model.ContextLength} {model.Family} {model.ParameterSize} {model.Quantization}");
        Assert.Equal(expires, model?.ExpiresAt?.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_backend_that_is_not_ollama_leaves_everything_unknown()
    {
        await using var impostor = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"models\":\"all\"}"u8.ToArray());
            return true;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(impostor.Address, s_polling);
        var watch = proxy.Services.GetRequiredService<OllamaWatch>();

        await Eventually.TrueAsync(() => watch.Current.Problem is not null);

        Assert.Equal((null, null, null), (watch.Current.IsUp, watch.Current.Loaded, watch.Current.Version));
    }

    private static async Task<HttpStatusCode> AskAsync(ProxyUnderTest proxy, string model, string more = "", string prompt = "Say it",
        HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var content = new StringContent($$"""{"model":"{{model}}","prompt":"{{prompt}}","stream":false{{more}}}""", Encoding.UTF8);
        using var answer = await proxy.Client.PostAsync("/api/generate", content);
        Assert.Equal(expected, answer.StatusCode);
        return answer.StatusCode;
    }

    /// <summary>The load causes of the stored generations, oldest first.</summary>
    private static async Task<string?[]> CausesAsync(ProxyUnderTest proxy)
    {
        using var found = JsonDocument.Parse(await proxy.Client.GetStringAsync("/analytics/search?limit=1000"));
        return
        [
            .. from record in found.RootElement.GetProperty("results").EnumerateArray()
               where record.GetProperty("endpoint").GetString() == "generate"
               orderby record.GetProperty("started_at").GetDateTimeOffset()
               select record.GetProperty("load_cause").GetString(),
        ];
    }
}
