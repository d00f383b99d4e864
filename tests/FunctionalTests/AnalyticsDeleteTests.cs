using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Records that somebody wants forgotten.</summary>
public sealed class AnalyticsDeleteTests
{
    private const string Canary = "canary-4f1d9b7e";

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task What_is_deleted_is_in_no_file_any_more(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(
            backend,
            [.. Enumerable.Range(1,
                20).Select(second =>
                StoredRequests.At(second) with { ClientIp = second % 2 == 0 ? "10.0.0.7" : "127.0.0.1",
                    Prompt = second % 2 == 0 ? $"{Canary} {second}" : "kept words" })]);
        Assert.True(await IsInFilesAsync(proxy, Canary) || backend == "jsonl");

        Assert.Equal(10, await DeleteAsync(proxy, "?client=10.0.0.7"));

        Assert.Equal(10, (await proxy.GetAsync("/analytics/search")).GetProperty("count").GetInt32());
        Assert.Equal(0, (await proxy.GetAsync($"/analytics/search?search={Canary}")).GetProperty("count").GetInt32());
        Assert.Equal(10, (await proxy.GetAsync("/analytics/stats")).GetProperty("total").GetProperty("requests").GetInt32());
        await Eventually.TrueAsync(async () => !await IsInFilesAsync(proxy, Canary));
    }

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task Records_go_by_id_by_filter_or_all_of_them(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(backend,
            [.. Enumerable.Range(1, 9).Select(second => StoredRequests.At(second) with { Model = second <= 3 ? "llama3:8b" : "phi4:latest" })]);
        var id = (await proxy.GetAsync("/analytics/search?limit=1")).GetProperty("results")[0].GetProperty("id").GetInt64();

        Assert.Equal(1, await DeleteAsync(proxy, $"/{id}"));
        using (var again = await proxy.Client.DeleteAsync($"/analytics/messages/{id}"))
        {
            Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
        }

        Assert.Equal(3, await DeleteAsync(proxy, "?model=llama3:8b"));
        Assert.Equal(0, await DeleteAsync(proxy, "?model=llama3:8b"));
        Assert.Equal(1, await DeleteAsync(proxy, "?start_time=8&end_time=8"));
        Assert.Equal(1, await DeleteAsync(proxy, $"/{5:x32}"));
        Assert.Equal(3, await DeleteAsync(proxy, "?all=true"));
        Assert.Equal(0, (await proxy.GetAsync("/analytics/stats")).GetProperty("total_records").GetInt64());
    }

    [Theory]
    [InlineData("", "all")]
    [InlineData("?all=false", "all")]
    [InlineData("?model=", "all")]
    [InlineData("?all=true&model=phi4", "all")]
    [InlineData("?all=yes", "all")]
    [InlineData("?modle=phi4", "modle")]
    [InlineData("?limit=1&model=phi4", "limit")]
    [InlineData("?start_time=2&end_time=1", "start_time")]
    public async Task Nothing_is_deleted_when_it_is_not_clear_what(string query, string name)
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite", StoredRequests.At(1));

        using var answer = await proxy.Client.DeleteAsync($"/analytics/messages{query}");
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(name, problem.GetProperty("errors").EnumerateObject().Select(error => error.Name));
        Assert.Equal(1, (await proxy.GetAsync("/analytics/search")).GetProperty("count").GetInt32());
    }

    private static async Task<long> DeleteAsync(ProxyUnderTest proxy, string what)
    {
        using var answer = await proxy.Client.DeleteAsync($"/analytics/messages{what}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("deleted").GetInt64();
    }

    private static async Task<bool> IsInFilesAsync(ProxyUnderTest proxy, string text)
    {
        // A lock file is empty, and opened by its owner alone.
        foreach (var file in Directory.EnumerateFiles(proxy.Folder, "*",
            SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            // Another process than the store's would see the same bytes.
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var memory = new MemoryStream();
            await stream.CopyToAsync(memory);
            if (memory.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0)
            {
                return true;
            }
        }

        return false;
    }
}
