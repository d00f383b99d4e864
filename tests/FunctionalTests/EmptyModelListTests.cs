using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Older versions of Ollama, and programs that imitate it, omit the list if there are no models.</summary>
public sealed class EmptyModelListTests
{
    [Theory]
    [InlineData("""{"models":null}""")]
    [InlineData("""{"models":[]}""")]
    [InlineData("{}")]
    public async Task A_missing_model_list_means_no_models_and_not_an_unavailable_Ollama(string list)
    {
        await using var upstream = new RawUpstream(async (connection, request) =>
        {
            var body = Encoding.ASCII.GetString(request).Contains("/api/version", StringComparison.Ordinal) ? """{"version":"0.1.37"}""" : list;
            await connection.WriteAsync(
                Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
            return true;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["OLLAMA_POLL_SECONDS"] = "10" });

        await Eventually.TrueAsync(async () => (await proxy.Client.GetStringAsync("/metrics")).Split('\n').Contains("ollama_up{} 1"));

        Assert.Contains("ollama_installed_models{} 0", (await proxy.Client.GetStringAsync("/metrics")).Split('\n'));
        var ollama = await proxy.Client.GetFromJsonAsync<JsonElement>("/analytics/ollama");
        Assert.Equal((true, 0), (ollama.GetProperty("is_up").GetBoolean(), ollama.GetProperty("models").GetArrayLength()));
        Assert.Equal(System.Net.HttpStatusCode.OK, (await proxy.Client.GetAsync("/test")).StatusCode);
    }
}
