using System.Net.Http.Json;
using System.Text.Json;
using OllamaProxy.TestKit;

// These tests mostly wait, so all of them run at the same time.
[assembly: Xunit.v3.Parallelization(MaxThreads = -1, Mode = Xunit.Sdk.ParallelMode.All)]

namespace OllamaProxy.SlowTests;

/// <summary>Tests that take minutes, because they test pauses of minutes: <c>./build.sh test --slow</c>.</summary>
public static class Slow
{
    public const string Reason = "takes minutes: ./build.sh test --slow (RUN_SLOW_TESTS=1) runs it";

#pragma warning disable RS0030 // The test's own setting, whether it runs.
    public static bool IsAskedFor => Environment.GetEnvironmentVariable("RUN_SLOW_TESTS") == "1";

    /// <summary>True if a published file is tested instead of the build output.</summary>
    internal static bool IsPublished => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OLLAMA_PROXY_UNDER_TEST"));
#pragma warning restore RS0030
}

/// <summary>The program as a process with its default store, in front of an upstream.</summary>
internal sealed class StoringProxy : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;

    private StoringProxy(ProxyProcess process, DirectoryInfo folder)
    {
        Process = process;
        _folder = folder;
        Client = new HttpClient { BaseAddress = process.Address, Timeout = Timeout.InfiniteTimeSpan };
    }

    public ProxyProcess Process { get; }

    /// <summary>A client without a timeout.</summary>
    public HttpClient Client { get; }

    public static async Task<StoringProxy> StartAsync(Uri upstream)
    {
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-slow-");
        var process = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>
            {
                ["OLLAMA_BACKEND_URL"] = upstream.ToString(),
                ["ANALYTICS_BACKEND"] = "sqlite",
                ["ANALYTICS_DIR"] = folder.FullName,
            });
        return new StoringProxy(process, folder);
    }

    /// <summary>The record of the last POST request, once it is stored.</summary>
    public async Task<JsonElement> RecordAsync()
    {
        JsonElement record = default;
        await Eventually.TrueAsync(async () =>
        {
            var found = await Client.GetFromJsonAsync<JsonElement>("/analytics/search?limit=1");
            return found.GetProperty("count").GetInt32() == 1 && (record = found.GetProperty("results")[0]).GetProperty("method").GetString() == "POST";
        });
        return record;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Process.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
