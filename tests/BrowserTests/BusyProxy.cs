using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;
using OllamaProxy.Host.Demo;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>The real program with a week of requests in its store, in front of a simulated Ollama. All tests share it and only read.</summary>
public sealed class BusyProxy : IAsyncLifetime
{
    private SimulatedOllamaServer _ollama = null!;

    internal ProxyUnderTest Proxy { get; private set; } = null!;

    internal Uri Address => Proxy.Address;

    internal IReadOnlyList<RequestRecord> Records { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        _ollama = await SimulatedOllamaServer.StartAsync(DemoOllama.Options, keepsRequests: false);
        Proxy = await StartAsync(_ollama.Address);
        Records = Week(Proxy);
        await WriteAsync(Proxy, Records);
    }

    /// <summary>The history of the demo, moved with its ids so that it ends now; its last record is a success.</summary>
    /// <remarks>The history depends on the hour at which it ends, so it is always created for the same hour.</remarks>
    internal static IReadOnlyList<RequestRecord> Week(ProxyUnderTest proxy, int count = 4_000)
    {
        var end = DateTimeOffset.Parse("2026-06-03T15:20:00Z", CultureInfo.InvariantCulture);
        var later = TimeSpan.FromMilliseconds(Math.Floor((TimeProvider.System.GetUtcNow() - end).TotalMilliseconds));
        return
        [
            .. DemoHistory.Before(proxy.Services.GetRequiredService<RecordTexts>(), end, count)
                .Select(record => record with { Timestamp = record.Timestamp + later, RequestId = RequestId.New(record.Timestamp + later) }),
        ];
    }

    /// <summary>The same without a proxy, with full texts.</summary>
    internal static IReadOnlyList<RequestRecord> Week(DateTimeOffset end, int count)
    {
        var options = new RecordingOptions();
        return DemoHistory.Before(new RecordTexts(options, new Redactor(options, TimeProvider.System, NullLogger<Redactor>.Instance)), end, count);
    }

    /// <summary>A proxy with an empty store.</summary>
    internal static Task<ProxyUnderTest> StartAsync(Uri ollama, params ReadOnlySpan<(string Name, string Value)> variables)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal) { ["OLLAMA_POLL_SECONDS"] = "2" };
        foreach (var (name, value) in variables)
        {
            all[name] = value;
        }

        return ProxyUnderTest.StartAsync(ollama, all);
    }

    internal static async Task WriteAsync(ProxyUnderTest proxy, IReadOnlyList<RequestRecord> records)
    {
        foreach (var batch in records.Chunk(500))
        {
            await proxy.Services.GetRequiredService<IAnalyticsStore>().WriteAsync(batch, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await _ollama.DisposeAsync();
    }
}
