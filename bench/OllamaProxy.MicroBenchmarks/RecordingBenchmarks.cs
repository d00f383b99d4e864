using BenchmarkDotNet.Attributes;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.MicroBenchmarks;

/// <summary>The work after the last byte: an exchange becomes a record, is counted, and is written in a batch.</summary>
[MemoryDiagnoser]
#pragma warning disable CA1001 // BenchmarkDotNet calls Close, which disposes the objects of Open.
public class RecordingBenchmarks
#pragma warning restore CA1001
{
    private const int BatchSize = 512;

    private readonly Exchange _exchange = NewExchange();
    private ServiceProvider _services = null!;
    private IMediator _mediator = null!;
    private RecordTexts _texts = null!;
    private SqliteAnalyticsStore _store = null!;
    private string _folder = "";

    [GlobalSetup]
    public void Open()
    {
        _services = new ServiceCollection().AddLogging().AddApplication()
            .AddSingleton(new MetricsOptions()).AddSingleton(new RecordingOptions())
            .AddSingleton(TimeProvider.System).AddSingleton(new AnalyticsOptions { Backend = "none" }).AddSingleton(
                new OllamaOptions()).AddSingleton<IInferenceProgress, Idle>().AddInfrastructure()
            .BuildServiceProvider();
        _mediator = _services.GetRequiredService<IMediator>();
        _texts = _services.GetRequiredService<RecordTexts>();
        _folder = Directory.CreateTempSubdirectory("ollama-proxy-bench-").FullName;
        _store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder });
        _store.OpenAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    [GlobalCleanup]
    public void Close()
    {
        _store.Dispose();
        _services.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Benchmark(Description = "record made of an exchange")]
    public RequestRecord Exchange_to_record() => RecordExchangeHandler.ToRecord(_exchange, _texts);

    [Benchmark(Description = "record made and announced: metrics counted, store off")]
    public Task<RequestRecord> Exchange_recorded() => _mediator.Send(new RecordExchange(_exchange));

    [Benchmark(Description = "record written to SQLite, in batches of 512", OperationsPerInvoke = BatchSize)]
    public Task Written_to_sqlite()
    {
        var record = RecordExchangeHandler.ToRecord(_exchange, _texts);
        return _store.WriteAsync([.. Enumerable.Range(0, BatchSize).Select(_ => record with { RequestId = Guid.CreateVersion7().ToString("N") })],
            CancellationToken.None);
    }

    private static Exchange NewExchange()
    {
        var (request, response) = (WireProtocols.Of(ApiEndpoint.Chat).CreateRequestReader(ApiEndpoint.Chat, "application/json")!,
            WireProtocols.Of(ApiEndpoint.Chat).CreateResponseReader(ApiEndpoint.Chat, new ResponseHead(200, "application/x-ndjson", 0))!);
        request.Read(Recording.ChatStream.RequestBody);
        foreach (var chunk in Recording.ChatStream.ResponseChunks)
        {
            response.Read(chunk, 1);
        }

        return new Exchange
        {
            Id = Guid.CreateVersion7().ToString("N"),
            StartedAt = TimeProvider.System.GetUtcNow(),
            Duration = TimeSpan.FromSeconds(3),
            Endpoint = ApiEndpoint.Chat,
            Method = "POST",
            Target = "/api/chat",
            StatusCode = 200,
            Outcome = ExchangeOutcome.Completed,
            ClientAddress = "127.0.0.1",
            UserAgent = "ollama-python/0.6.0",
            Request = request.Complete(),
            Response = response.Complete(TimeProvider.System, ended: true),
        };
    }

    /// <summary>The progress of no running inference.</summary>
    private sealed class Idle : IInferenceProgress
    {
        public bool HasHeardSince(long timestamp) => false;

        public TimeSpan SilentFor() => TimeSpan.Zero;
    }
}
