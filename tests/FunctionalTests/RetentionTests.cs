using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>When records are written, and how long records and texts are kept.</summary>
public sealed class RetentionTests
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task Records_are_written_in_batches_and_a_stop_writes_the_last_one(string backend)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = backend, ["ANALYTICS_FLUSH_MS"] = "60000" });
        for (var request = 0; request < 3; request++)
        {
            await proxy.Client.GetStringAsync(new Uri("/api/version", UriKind.Relative), TestContext.Current.CancellationToken);
        }

        // Metrics are updated before the batch is written.
        await Eventually.TrueAsync(async () => (await MetricsAsync(proxy)).Contains(
            """ollama_requests_total{endpoint="version",model="unknown",prompt_category="empty",status="success"} 3""", StringComparison.Ordinal));
        Assert.Contains("ollama_proxy_records_written_total{} 0\n", await MetricsAsync(proxy), StringComparison.Ordinal);
        long written = 0;
        using var listener = new System.Diagnostics.Metrics.MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "ollama_proxy_records_written_total"
                    && ReferenceEquals(instrument.Meter.Scope, proxy.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>()))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref written, count));
        listener.Start();

        await proxy.App.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(3, Interlocked.Read(ref written));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task Texts_are_deleted_before_their_records(string backend)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-retention-");
        try
        {
            var variables =
                new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = backend, ["ANALYTICS_DIR"] = folder.FullName, ["ANALYTICS_RETENTION_DAYS"] = "7",
                ["ANALYTICS_TEXT_RETENTION_DAYS"] = "1" };
            await using (var first = await ProxyUnderTest.StartAsync(ollama.Address, variables))
            {
                var now = TimeProvider.System.GetUtcNow();
                await first.Services.GetRequiredService<IAnalyticsStore>()
                    .WriteAsync([Record(now.AddDays(-8), "gone"), Record(now.AddDays(-3), "without text"), Record(now, "whole")], default);
            }

            await using var second = await ProxyUnderTest.StartAsync(ollama.Address, variables);
            var store = second.Services.GetRequiredService<IAnalyticsStore>();

            await Eventually.TrueAsync(async () =>
            {
                var records = await store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
                return records.Select(record => record.Prompt).SequenceEqual(["whole", null]);
            });
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Task<string> MetricsAsync(ProxyUnderTest proxy) =>
        proxy.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);

    private static RequestRecord Record(DateTimeOffset at, string prompt) => new()
    {
        RequestId = Guid.CreateVersion7().ToString("N"),
        Timestamp = at,
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Category = PromptCategory.Other,
        Prompt = prompt,
        Latency = TimeSpan.FromSeconds(1),
        Outcome = ExchangeOutcome.Completed,
    };
}
