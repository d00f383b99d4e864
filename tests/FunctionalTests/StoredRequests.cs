using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A proxy whose store holds known records.</summary>
internal static class StoredRequests
{
    public static readonly Uri Nobody = new("http://127.0.0.1:9");

    /// <summary>Every backend that stores records in files.</summary>
    public static TheoryData<string> Backends => ["sqlite", "jsonl"];

    public static async Task<ProxyUnderTest> StartAsync(string backend, params RequestRecord[] records)
    {
        var proxy = await ProxyUnderTest.StartAsync(Nobody,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = backend, ["ANALYTICS_RETENTION_DAYS"] = "0" });
        await WriteAsync(proxy, records);
        return proxy;
    }

    /// <summary>Writes records directly; nothing else writes while no request passes through the proxy.</summary>
    public static Task WriteAsync(ProxyUnderTest proxy, params RequestRecord[] records) =>
        records.Length == 0
            ? Task.CompletedTask
            : proxy.Services.GetRequiredService<IAnalyticsStore>().WriteAsync(records, TestContext.Current.CancellationToken);

    /// <summary>A record at a number of seconds after the epoch, with the fields every record has.</summary>
    public static RequestRecord At(int second) => new()
    {
        RequestId = $"{second:x32}",
        Timestamp = DateTimeOffset.UnixEpoch.AddSeconds(second),
        Model = "phi4:latest",
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Category = PromptCategory.Other,
        Prompt = "the question",
        Response = "the answer",
        Outcome = ExchangeOutcome.Completed,
        StatusCode = 200,
        Latency = TimeSpan.FromSeconds(1),
        IsInference = true,
        ClientIp = "127.0.0.1",
    };

    public static async Task<JsonElement> GetAsync(this ProxyUnderTest proxy, string path) => await proxy.Client.GetFromJsonAsync<JsonElement>(path);

    /// <summary>The seconds (see <see cref="At"/>) of the records in an answer, in its order.</summary>
    public static int[] Seconds(this JsonElement records) => [.. records.EnumerateArray().Select(record => (int)record.GetProperty("timestamp").GetInt64())];
}
